"""VPO: pictures of COCO with sounds of VGGSound."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from .base_clip import BaseClipDataset
from .clip_checks import check_choice
from .metainfo import get_metainfo, voc_palette

#: Position is the class id, as in CAVP and in DDESeg's repack.
VPO_CLASSES = (
    'background', 'airplane', 'baby', 'bird', 'bus', 'car', 'cat',
    'cell phone', 'cow', 'dog', 'elephant', 'female', 'horse', 'keyboard',
    'male', 'motorcycle', 'mouse', 'sheep', 'skateboard', 'sports ball',
    'tennis racket', 'zebra',
)  # fmt: skip
VPO_SUBSETS = ('VPO-SS', 'VPO-MS', 'VPO-MSMI')
#: Seconds of sound of the single frame.
SOUND_SECONDS = 3
SOUND_FILES = {'mono': 'mono_audio.wav', 'stereo': 'stereo_audio.wav'}
#: One of this many training clips is for validation.
_HOLD_OUT = 10


@DATASETS.register_module()
class VPODataset(BaseClipDataset):
    """Pictures with 3 seconds of sound, in the layout of DDESeg's repack.

    ::

        {data_root}/vpo_data_clean.csv
        {data_root}/{VPO-SS|VPO-MS|VPO-MSMI}/{uid}/frames/{frame}
        {data_root}/{VPO-SS|VPO-MS|VPO-MSMI}/{uid}/labels_semantic/{mask}
        {data_root}/{VPO-SS|VPO-MS|VPO-MSMI}/{uid}/mono_audio.wav
        {data_root}/{VPO-SS|VPO-MS|VPO-MSMI}/{uid}/stereo_audio.wav

    The first three columns of the table are uid (optionally with the subset
    before it), frame and mask; columns named ``split`` and ``type`` (the
    subset) follow. ``tools/dataset_converters/vpo.py`` converts the layout in
    which CAVP released VPO. A clip has one frame. Layout and class ids follow
    DDESeg@1a7715c ``dataload/data_load_aug_vpo.py`` and CAVP@ea2ebc6
    ``config/class_list.py``; no code taken.

    Args:
        split (str | Sequence[str]): ``'train'``, ``'val'`` or ``'test'``, or
            several of them.
        labels (str): ``'semantic'`` (22 classes) or ``'binary'``.
        sound (str): ``'mono'`` or ``'stereo'``; the sources of a stereo sound
            are panned to the positions of their objects. With ``'stereo'``
            set ``LoadWaveform(mono=False)``.
        hold_out (bool): Whether a tenth of the published training clips,
            chosen by their names, is the split ``'val'``. The published
            systems choose their checkpoint on the test split; with False
            there is no split ``'val'``.
        ann_file (str): The table, relative to ``data_root``.
        metainfo (Mapping | None): Overrides entries of the metainfo.
        kwargs: Other arguments of :class:`BaseClipDataset`.

    Raises:
        FileNotFoundError: If the table is missing.
        ValueError: If an argument has another value, or the table lacks a
            column or contains an unknown subset or split.
    """

    METAINFO = dict(
        classes=VPO_CLASSES, palette=voc_palette(len(VPO_CLASSES)).tolist()
    )
    SUBSETS = VPO_SUBSETS

    def __init__(
        self,
        *,
        split: str | Sequence[str],
        labels: str = 'semantic',
        sound: str = 'mono',
        hold_out: bool = True,
        ann_file: str = 'vpo_data_clean.csv',
        metainfo: Mapping | None = None,
        **kwargs: Any,
    ) -> None:
        check_choice('labels', labels, ('semantic', 'binary'))
        check_choice('sound', sound, tuple(SOUND_FILES))
        self.labels = labels
        self.sound = sound
        self.hold_out = hold_out
        binary = get_metainfo('binary') if labels == 'binary' else {}
        super().__init__(
            split=split,
            ann_file=ann_file,
            metainfo={**binary, **(metainfo or {})},
            **kwargs,
        )

    @property
    def usual_num_frames(self) -> int:
        """Frames of a clip: 1."""
        return 1

    def load_clips(self) -> list[dict]:
        """Read the table.

        Returns:
            list[dict]: All clips, in the order of the table. Besides the keys
            of :class:`BaseClipDataset` they have ``labels``,
            ``label_folder`` and ``num_seconds`` (3).
        """
        if not Path(self.ann_file).is_file():
            raise FileNotFoundError(
                f'{self.ann_file} not found; expected the table of '
                "DDESeg's repack of VPO. Check data_root and ann_file; "
                'tools/dataset_converters/vpo.py converts the release of CAVP.'
            )
        with open(self.ann_file, newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file)
            header = list(reader.fieldnames or [])
            missing = {'split', 'type'} - set(header)
            if missing or len(header) < 5:
                raise ValueError(
                    f'{self.ann_file}: expected the columns uid, frame, mask, '
                    f'split and type, got the header {header}'
                )
            return [
                self._parse_row(row, header[:3], f'row {reader.line_num}')
                for row in reader
            ]

    def _parse_row(
        self, row: Mapping[str, str], names: Sequence[str], where: str
    ) -> dict:
        uid, frame, mask = (row[name] for name in names)
        subset, split = row['type'], row['split']
        where = f'{self.ann_file}, {where}: '
        check_choice(f'{where}type (the subset)', subset, VPO_SUBSETS)
        check_choice(f'{where}split', split, ('train', 'test'))
        clip_id = uid.rpartition('/')[2]
        is_held_out = zlib.crc32(clip_id.encode()) % _HOLD_OUT == 0
        if split == 'train' and self.hold_out and is_held_out:
            split = 'val'
        folder = Path(self.data_root, subset, clip_id)
        return dict(
            clip_id=clip_id,
            subset=subset,
            split=split,
            num_frames=1,
            num_seconds=SOUND_SECONDS,
            frame_paths=[str(folder / 'frames' / frame)],
            mask_paths=[str(folder / 'labels_semantic' / mask)],
            label_folder='labels_semantic',
            labels=self.labels,
            audio_path=str(folder / SOUND_FILES[self.sound]),
        )

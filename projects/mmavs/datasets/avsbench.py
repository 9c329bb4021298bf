"""AVSBench in the AVSBench-semantic layout: one item is one clip."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

from .metainfo import get_metainfo

SUBSETS = ('v1s', 'v1m', 'v2')
SPLITS = ('train', 'val', 'test')
TASK_SUBSETS = {'s4': ('v1s',), 'ms3': ('v1m',), 'avss': SUBSETS}
#: Frames, and seconds of sound, of a clip of each subset.
NUM_FRAMES = {'v1s': 5, 'v1m': 5, 'v2': 10}
LABEL_FOLDERS = ('labels_rgb', 'labels_semantic')
SOUND_SOURCES = ('own', 'next_clip')
UNLABELLED_RULES = ('repeat_first', 'ignore')
_COLUMNS = ('uid', 'split', 'label')


@DATASETS.register_module()
class AVSBenchDataset(BaseDataset):
    """Clips of AVSBench with their frames, labels and sound.

    The layout is that of AVSBench-semantic, for every task::

        {data_root}/metadata.csv         columns uid, split, label (= subset)
        {data_root}/{v1s|v1m|v2}/{uid}/frames/{0..T-1}.jpg
        {data_root}/{v1s|v1m|v2}/{uid}/labels_rgb/{0..T-1}.png
        {data_root}/{v1s|v1m|v2}/{uid}/audio.wav

    T is 10 in v2 and 5 elsewhere. Only frame 0 of a v1s training clip counts
    as labelled, see ``unlabelled``. Behaviour follows
    Stepping-Stones@de6a17b ``avs/dataset.py`` and, with ``'ignore'``,
    AVSBench@f7414af ``avs_scripts``; reimplemented, no code taken.

    Args:
        task (str): ``'s4'`` (subset v1s), ``'ms3'`` (v1m) or ``'avss'``
            (all three).
        split (str | Sequence[str]): ``'train'``, ``'val'`` or ``'test'``, or
            several of them, for example to predict the clips of all.
        subsets (Sequence[str] | None): Take these subsets instead of the
            task's own. Defaults to None.
        labels (str): ``'binary'`` (background, sounding) or ``'semantic'``
            (71 classes); sets ``classes`` and ``palette`` of the metainfo.
        label_folder (str): ``'labels_rgb'`` (colours), or
            ``'labels_semantic'`` (grey PNG of class ids). Both give the same
            masks, semantic or binary.
        sound_from (str): ``'own'``, or ``'next_clip'``: every clip gets the
            sound of the next one of its subset and split, the last that of
            the first. Shows what a model owes to the right sound.
        unlabelled (str): What v1s training clips hold. ``'repeat_first'``
            (AAVS): frame 0 and label 0 five times, each time with another of
            the five seconds of sound. ``'ignore'`` (AVSBench, AVSegFormer):
            the clip's own five frames, the last four without a label: their
            entry of ``mask_paths`` is None.
        seed (int): Part of what the random transforms draw from.
        ann_file (str): The table, relative to ``data_root``.
        data_root (str): Root of the data set.
        data_prefix (Mapping[str, str] | None): ``mask_prior``: root of the
            predicted masks ``{subset}/{uid}/{0..T-1}.png`` for stage two.
            Unlike other prefixes it is not below ``data_root`` but taken as
            it stands: it is what ``tools/test.py --dump-masks`` was given.
        metainfo (Mapping | None): Overrides entries of the metainfo.
        pipeline (Sequence[dict | Callable]): Transforms.
        indices (int | Sequence[int] | None): Keep the first n, or these.
        test_mode (bool): As in mmengine.
        lazy_init (bool): Read the table at first use.

    Raises:
        FileNotFoundError: If the table is missing.
        ValueError: If an argument is none of the above, the table lacks a
            column, holds an unknown subset or split or the same clip twice,
            or holds no clip for the subsets and the split.
    """

    def __init__(
        self,
        *,
        task: str,
        split: str | Sequence[str],
        subsets: Sequence[str] | None = None,
        labels: str = 'binary',
        label_folder: str = 'labels_rgb',
        sound_from: str = 'own',
        unlabelled: str = 'repeat_first',
        seed: int = 0,
        ann_file: str = 'metadata.csv',
        data_root: str = '',
        data_prefix: Mapping[str, str] | None = None,
        metainfo: Mapping | None = None,
        pipeline: Sequence[dict | Callable] = (),
        indices: int | Sequence[int] | None = None,
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        _check_choice('task', task, tuple(TASK_SUBSETS))
        self.splits = (split,) if isinstance(split, str) else tuple(split)
        for name in self.splits:
            _check_choice('split', name, SPLITS)
        self.subsets = tuple(subsets or TASK_SUBSETS[task])
        for subset in self.subsets:
            _check_choice('subsets', subset, SUBSETS)
        _check_choice('label_folder', label_folder, LABEL_FOLDERS)
        self.task = task
        self.labels = labels
        self.label_folder = label_folder
        _check_choice('sound_from', sound_from, SOUND_SOURCES)
        self.sound_from = sound_from
        _check_choice('unlabelled', unlabelled, UNLABELLED_RULES)
        self.unlabelled = unlabelled
        self.seed = seed
        # In shared memory: persistent workers hold a copy of the data set
        # made before the first epoch and must still see the later ones.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        super().__init__(
            ann_file=ann_file,
            metainfo={**get_metainfo(labels), **(metainfo or {})},
            data_root=data_root,
            data_prefix=dict(data_prefix or {}),
            pipeline=list(pipeline),
            indices=indices,
            test_mode=test_mode,
            lazy_init=lazy_init,
        )

    @property
    def epoch(self) -> int:
        """Epoch that the random transforms draw for; set it before each."""
        return int(self._epoch)

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def load_data_list(self) -> list[dict]:
        """Read the table.

        Returns:
            list[dict]: One dict per clip, in the order of the table: keys
            ``clip_id``, ``subset``, ``split``, ``task``, ``labels``,
            ``label_folder``, ``num_frames`` (T), ``frame_paths``,
            ``mask_paths`` (T each, None for a frame without a label),
            ``audio_path`` and, with ``data_prefix['mask_prior']``,
            ``mask_prior_paths`` (T).
        """
        rows = read_metadata(self.ann_file)
        clips = [
            self._parse_row(row)
            for row in rows
            if row['label'] in self.subsets and row['split'] in self.splits
        ]
        if not clips:
            raise ValueError(
                f'{self.ann_file}: no clip with split in {self.splits} and '
                f'label in {self.subsets} among its {len(rows)} rows; check '
                'task, subsets and split, or the table.'
            )
        if self.sound_from == 'next_clip':
            for group in _by_subset_and_split(clips):
                _rotate_sounds(group)
        return clips

    def get_data_info(self, idx: int) -> dict:
        """Add what random transforms draw from to a clip's entry.

        Args:
            idx (int): Position of the clip.

        Returns:
            dict: The entry with ``sample_idx`` (int) and ``rng_seed``, the
            tuple (seed, epoch, sample_idx).
        """
        info = super().get_data_info(idx)
        info['rng_seed'] = (self.seed, self.epoch, info['sample_idx'])
        return info

    def _join_prefix(self) -> None:
        """Put the paths below ``data_root``, but not the masks of a run."""
        mask_prior = self.data_prefix.pop('mask_prior', None)
        super()._join_prefix()
        if mask_prior is not None:
            self.data_prefix['mask_prior'] = mask_prior

    def _parse_row(self, row: dict[str, str]) -> dict:
        subset, split, clip_id = row['label'], row['split'], row['uid']
        num_frames = NUM_FRAMES[subset]
        only_first = subset == 'v1s' and split == 'train'
        repeat = only_first and self.unlabelled == 'repeat_first'
        frames = [0 if repeat else t for t in range(num_frames)]
        labelled = [t == 0 or not only_first or repeat for t in frames]
        clip_dir = Path(self.data_root, subset, clip_id)
        mask_dir = clip_dir / self.label_folder
        info = dict(
            clip_id=clip_id,
            subset=subset,
            split=split,
            task=self.task,
            labels=self.labels,
            label_folder=self.label_folder,
            num_frames=num_frames,
            frame_paths=[str(clip_dir / f'frames/{t}.jpg') for t in frames],
            mask_paths=[
                str(mask_dir / f'{t}.png') if has_label else None
                for t, has_label in zip(frames, labelled, strict=True)
            ],
            audio_path=str(clip_dir / 'audio.wav'),
        )
        if 'mask_prior' in self.data_prefix:
            prior_dir = Path(self.data_prefix['mask_prior'], subset, clip_id)
            # Of each second, also where all of them show frame 0: stage one
            # heard another sound every time.
            info['mask_prior_paths'] = [
                str(prior_dir / f'{t}.png') for t in range(num_frames)
            ]
        return info


def _by_subset_and_split(clips: Sequence[dict]) -> list[list[dict]]:
    groups: dict[tuple[str, str], list[dict]] = {}
    for clip in clips:
        groups.setdefault((clip['subset'], clip['split']), []).append(clip)
    return list(groups.values())


def _rotate_sounds(clips: Sequence[dict]) -> None:
    """Give each clip the sound of the next one, in place."""
    if len(clips) == 1:
        raise ValueError(
            "sound_from='next_clip' needs two clips of each subset, got only "
            f'{clips[0]["clip_id"]!r} of {clips[0]["subset"]}'
        )
    paths = [clip['audio_path'] for clip in clips]
    for clip, path in zip(clips, paths[1:] + paths[:1], strict=True):
        clip['audio_path'] = path


def read_metadata(path: str) -> list[dict[str, str]]:
    """Read and check AVSBench's ``metadata.csv``.

    Args:
        path (str): The table; columns ``uid``, ``split`` and ``label`` are
            needed, others are kept unread.

    Returns:
        list[dict[str, str]]: The rows.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing, or a row holds an unknown subset
            or split, a uid that is no folder name, or a clip seen before.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'{path} not found; expected the table of AVSBench-semantic, '
            '{data_root}/metadata.csv. Check data_root and ann_file.'
        )
    # utf-8-sig: spreadsheet programs put a byte order mark before 'vid'.
    with open(path, newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        header = reader.fieldnames or []
        missing = [name for name in _COLUMNS if name not in header]
        if missing:
            raise ValueError(
                f'{path}: expected columns {_COLUMNS}, {missing} missing; '
                f'got the header {list(header)}'
            )
        rows = list(reader)
    _check_rows(path, rows)
    return rows


def _check_rows(path: str, rows: Sequence[dict[str, str]]) -> None:
    """Refuse rows that name no clip, or the same clip twice."""
    first_line: dict[tuple[str, str], int] = {}
    for line, row in enumerate(rows, start=2):
        where = f'{path}, row {line}: '
        _check_choice(where + 'label (the subset)', row['label'], SUBSETS)
        _check_choice(where + 'split', row['split'], SPLITS)
        uid = row['uid']
        # The uid becomes part of paths, of written masks too.
        if not uid or uid in ('.', '..') or '/' in uid or '\\' in uid:
            raise ValueError(f'{where}uid must name a folder, got {uid!r}')
        previous = first_line.setdefault((row['label'], uid), line)
        if previous != line:
            raise ValueError(
                f'{where}uid {uid!r} of subset {row["label"]} is already in '
                f'row {previous}; a clip may occur once.'
            )


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f'{name} must be one of {choices}, got {value!r}')

"""Folders of predicted masks, which stage one writes and stage two reads.

Layout::

    <root>/dump.json                         marks a mask folder
    <root>/<subset>/<clip_id>/{0..T-1}.png   8 bit grey, 0..255
    <root>/<subset>/<clip_id>/clip.json      marks a complete clip
    <root>/index.json                        marks a complete dump

``dump.json`` is written first, ``index.json`` last, and ``clip.json`` after
the masks of its clip. The index lists the complete clips of all dumps into the
folder, each with its split, hashes of the config and the checkpoint that
predicted its masks, and hashes of its frames and its sound.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.logging import print_log
from PIL import Image

from mmavs.atomic_file import atomic_path, write_json

from .clip_identity import check_identity, identify_clip
from .mask_directory_files import check_own_files
from .mask_file import check_masks, describe_mask

_MARK_NAME = 'dump.json'
_INDEX_NAME = 'index.json'
_RECORD_NAME = 'clip.json'


class MadeBy(NamedTuple):
    """Config, checkpoint and mode that predict masks.

    Attributes:
        config_hash (str): SHA-256 of the config.
        checkpoint_hash (str): SHA-256 of the checkpoint's file.
        mode (str): 'hard' (0 and 255) or 'soft' (scores).
    """

    config_hash: str
    checkpoint_hash: str
    mode: str


class MaskDirectory:
    """A folder of predicted masks. Only this class depends on its layout.

    A clip is a mapping with ``subset``, ``clip_id``, ``split``,
    ``num_frames``, ``frame_paths``, ``audio_path`` and ``sound_from``, such
    as an entry of a ``BaseClipDataset``.

    Args:
        root (str | Path): The folder.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._index = self.root / _INDEX_NAME

    def mask_paths(self, clip: Mapping) -> list[str]:
        """Return the paths of a clip's masks.

        Args:
            clip (Mapping): The clip.

        Returns:
            list[str]: T paths, one per second of sound. Also clips that
            repeat one frame have T masks, because the sound differs.
        """
        folder = self._folder(clip)
        return [str(folder / f'{t}.png') for t in range(clip['num_frames'])]

    def check_writable(self) -> None:
        """Check that the folder contains only files that mask dumps wrote.

        Raises:
            ValueError: If there is another file, or ``root`` is not a folder.
        """
        check_own_files(
            self.root,
            marks=(_MARK_NAME, _INDEX_NAME),
            record=_RECORD_NAME,
        )

    def begin(self, made_by: MadeBy) -> None:
        """Prepare for writing; call it before the first clip of a dump.

        Removes the index, so that an interrupted dump has none.

        Args:
            made_by (MadeBy): What predicts the masks.

        Raises:
            ValueError: See :meth:`check_writable`; nothing is changed then.
        """
        self.check_writable()
        write_json(self.root / _MARK_NAME, made_by._asdict())
        self._index.unlink(missing_ok=True)

    def is_written(self, clip: Mapping, made_by: MadeBy) -> bool:
        """Return whether a clip's masks are complete and up to date.

        Args:
            clip (Mapping): The clip.
            made_by (MadeBy): What predicts the masks.

        Returns:
            bool: Whether all masks are readable and were predicted by the
            same config, checkpoint and mode for the same frames and sound.
        """
        record = self._folder(clip) / _RECORD_NAME
        try:
            found = json.loads(record.read_text('utf-8'))
            # Errors in reading a mask say to dump it again.
            check_masks(clip, self.mask_paths(clip), None)
        except (FileNotFoundError, ValueError):
            return False
        expected = {
            'split': clip['split'],
            **made_by._asdict(),
            **identify_clip(clip),
        }
        return isinstance(found, dict) and expected.items() <= found.items()

    def remove_leftovers(self, clip: Mapping) -> None:
        """Remove temporary files of a killed dump.

        Do not call it while another process may write this clip.

        Args:
            clip (Mapping): The clip.
        """
        for path in self._folder(clip).glob('.*'):
            path.unlink(missing_ok=True)

    def write_clip(
        self, clip: Mapping, masks: np.ndarray, made_by: MadeBy
    ) -> None:
        """Write the masks of a clip, then its record.

        Args:
            clip (Mapping): The clip.
            masks (np.ndarray): (T, h, w) uint8.
            made_by (MadeBy): What predicted them.
        """
        record = self._folder(clip) / _RECORD_NAME
        record.unlink(missing_ok=True)
        paths = self.mask_paths(clip)
        for path, mask in zip(paths, masks, strict=True):
            with atomic_path(path) as temporary:
                Image.fromarray(mask).save(temporary)
        content = {
            key: clip[key]
            for key in ('subset', 'clip_id', 'split', 'num_frames')
        }
        content['protocol'] = _protocol(made_by.mode, masks.shape[1:])
        content.update(made_by._asdict())
        write_json(record, {**content, **identify_clip(clip)})

    def write_index(self, made_by: MadeBy) -> None:
        """List all complete clips in the folder, of this dump and others.

        Args:
            made_by (MadeBy): What the last dump used. The index stores it at
                the top level, and for each clip what predicted its masks.
        """
        clips = [
            json.loads(path.read_text(encoding='utf-8'))
            for path in sorted(self.root.glob(f'*/*/{_RECORD_NAME}'))
        ]
        write_json(self._index, {**made_by._asdict(), 'clips': clips})

    def count(self, checkpoint_hash: str, mode: str) -> int:
        """Count the clips whose masks a checkpoint predicted.

        Args:
            checkpoint_hash (str): SHA-256 of the checkpoint's file.
            mode (str): 'hard' or 'soft'.

        Returns:
            int: Number of clips in the index; 0 without an index.
        """
        if not self._index.is_file():
            return 0
        index = json.loads(self._index.read_text(encoding='utf-8'))
        return sum(
            clip['checkpoint_hash'] == checkpoint_hash and clip['mode'] == mode
            for clip in index['clips']
        )

    def check(
        self,
        clips: Sequence[Mapping],
        *,
        size: tuple[int, int] | None = None,
        checkpoint: str | Mapping[str, str] | None = None,
        mode: str | None = None,
        any_sound: bool = False,
    ) -> None:
        """Check that the folder holds the masks of all clips.

        Reads all masks, and for each clip parts of the first frame and of the
        sound, at a few thousand files per second. An index of an earlier
        version has no hashes of frames and sound, which logs a warning.

        Args:
            clips (Sequence[Mapping]): The clips.
            size (tuple[int, int] | None): (h, w) that every mask must have;
                None for any size that is the same within a clip.
            checkpoint (str | Mapping[str, str] | None): SHA-256 of the
                stage-one checkpoint that must have predicted the masks, or
                one per subset; its first digits suffice. None for any.
            mode (str | None): 'hard' or 'soft'; None for any.
            any_sound (bool): Whether the masks may have been predicted with
                another ``sound_from`` than that of the clips.

        Raises:
            FileNotFoundError: If the index, a mask, or the first frame or the
                sound of a clip is missing.
            ValueError: If the index is unreadable or lacks a clip; if masks
                were predicted by another checkpoint, in another mode, for
                another data set or with another ``sound_from``; or if a mask
                is unreadable or has another size.
        """
        index = self._read_index(clips[0])
        listed = {(c['subset'], c['clip_id']): c for c in index['clips']}
        has_identity = True
        for clip in clips:
            entry = listed.get((clip['subset'], clip['clip_id']), {})
            where = describe_mask(clip, self.mask_paths(clip)[0])
            self._check_entry(clip, {**index, **entry}, checkpoint, mode)
            if 'frame_hash' in entry:
                check_identity(
                    clip,
                    entry,
                    f'{self._index}: {where}',
                    any_sound=any_sound,
                )
            else:
                has_identity = False
            check_masks(clip, self.mask_paths(clip), size)
        if not has_identity:
            print_log(
                f'{self._index} was written by an earlier version and does '
                'not record which data its masks were predicted for, so this '
                'is not checked. To check it, dump the masks again.',
                logger='current',
                level=logging.WARNING,
            )

    def _check_entry(
        self,
        clip: Mapping,
        entry: Mapping,
        checkpoint: str | Mapping[str, str] | None,
        mode: str | None,
    ) -> None:
        """Compare a clip's entry in the index with what is expected."""
        where = describe_mask(clip, self.mask_paths(clip)[0])
        found, expected = entry.get('num_frames', 0), clip['num_frames']
        if found != expected:
            raise ValueError(
                f'{self._index} lists {found} masks, expected {expected}, of '
                f'{where}'
            )
        if isinstance(checkpoint, Mapping):
            checkpoint = checkpoint.get(clip['subset'])
        made_by = entry['checkpoint_hash']
        if checkpoint is not None and not made_by.startswith(checkpoint):
            raise ValueError(
                f'masks were predicted by another checkpoint: {self._index} '
                f'says {made_by}, expected {checkpoint}, for {where}'
            )
        if mode is not None and entry.get('mode') != mode:
            raise ValueError(
                f'{self._index} lists {entry.get("mode")} masks, expected '
                f'{mode} ones (--soft makes them soft), of {where}'
            )

    def _read_index(self, clip: Mapping) -> dict:
        """Parse the index; ``clip`` is named in errors."""
        where = describe_mask(clip, str(self._index))
        try:
            index = json.loads(self._index.read_text(encoding='utf-8'))
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'no {_INDEX_NAME}, so the dump of masks is missing or was '
                f'interrupted: {where}'
            ) from error
        except ValueError as error:
            raise ValueError(f'cannot read ({error}) {where}') from error
        if not isinstance(index, dict) or not {
            'checkpoint_hash',
            'clips',
        }.issubset(index):
            raise ValueError(
                f'an index needs checkpoint_hash and clips, missing in {where}'
            )
        return index

    def _folder(self, clip: Mapping) -> Path:
        return self.root / clip['subset'] / clip['clip_id']


def _protocol(mode: str, size: tuple[int, ...]) -> str:
    """Describe mode and size: 'hard-224', or 'soft-224x160' (h, w)."""
    sides = size[:1] if size[0] == size[1] else size
    return f'{mode}-{"x".join(map(str, sides))}'

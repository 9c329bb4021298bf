"""Folders of predicted masks, what stage one hands to stage two.

Layout, written by ``mmavs.evaluation.MaskDump``::

    <root>/<subset>/<clip_id>/{0..T-1}.png   8 bit grey, 0..255
    <root>/<subset>/<clip_id>/clip.json      written last: the clip is whole
    <root>/index.json                        written last: the dump is whole

The index lists all clips of all dumps into the folder, each with its split
and with what made its masks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .image_file import open_image

#: Name of the file that makes a folder of masks complete.
INDEX_NAME = 'index.json'
#: Name of the file that makes the masks of one clip complete.
RECORD_NAME = 'clip.json'


def read_mask(clip: Mapping, path: str) -> np.ndarray:
    """Read one mask of a clip.

    Args:
        clip (Mapping): Entry of the data set; names the clip in errors.
        path (str): An 8 bit grey PNG.

    Returns:
        np.ndarray: (h, w) uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read or is no 8 bit grey image.
    """
    image = open_image(path, f'mask prior {_describe(clip, path)}')
    if image.mode != 'L':
        raise ValueError(
            f'mask prior must be 8 bit grey (L), got {image.mode} in '
            f'{_describe(clip, path)}'
        )
    return np.array(image)


def check_mask_directory(
    root: str,
    clips: Sequence[Mapping],
    *,
    size: tuple[int, int] | None = None,
    checkpoint: str | Mapping[str, str] | None = None,
    mode: str | None = None,
) -> None:
    """Make sure that a folder holds the masks of all clips.

    Reads every file, a few thousand a second.

    Args:
        root (str): The folder.
        clips (Sequence[Mapping]): Entries of the data set with
            ``mask_prior_paths``.
        size (tuple[int, int] | None): (h, w) that every mask must have; None
            for any, alike within a clip.
        checkpoint (str | Mapping[str, str] | None): SHA-256 of the stage-one
            checkpoint that the masks must come from, or one per subset; its
            first digits suffice. None for any.
        mode (str | None): 'hard' or 'soft'; None for any.

    Raises:
        FileNotFoundError: If the index or a mask is missing.
        ValueError: If the index is unreadable, lacks a clip or comes from
            another checkpoint or mode, or a mask is unreadable or has another
            size.
    """
    path = Path(root, INDEX_NAME)
    index = _read_index(path, clips[0])
    listed = {(c['subset'], c['clip_id']): c for c in index['clips']}
    for clip in clips:
        entry = listed.get((clip['subset'], clip['clip_id']), {})
        found, expected = entry.get('num_frames', 0), clip['num_frames']
        if found != expected:
            raise ValueError(
                f'{path} lists {found} masks, expected {expected}, of '
                f'{_describe(clip, clip["mask_prior_paths"][0])}'
            )
        made_by = entry.get('checkpoint_hash', index['checkpoint_hash'])
        _check_checkpoint(path, clip, made_by, checkpoint)
        found_mode = entry.get('mode', index.get('mode'))
        if mode is not None and found_mode != mode:
            raise ValueError(
                f'{path} lists {found_mode} masks, expected {mode} ones '
                f'(--soft makes them soft), of '
                f'{_describe(clip, clip["mask_prior_paths"][0])}'
            )
        _check_masks(clip, size)


def _read_index(path: Path, clip: Mapping) -> dict:
    """Parse the index; ``clip`` is the first that needs it."""
    where = _describe(clip, str(path))
    try:
        index = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'no {INDEX_NAME}, so the dump of masks is missing or was cut '
            f'off: {where}'
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


def _check_checkpoint(
    path: Path,
    clip: Mapping,
    made_by: str,
    checkpoint: str | Mapping[str, str] | None,
) -> None:
    if isinstance(checkpoint, Mapping):
        checkpoint = checkpoint.get(clip['subset'])
    if checkpoint is not None and not made_by.startswith(checkpoint):
        raise ValueError(
            f'masks were predicted by another checkpoint: {path} says '
            f'{made_by}, expected {checkpoint}, for '
            f'{_describe(clip, clip["mask_prior_paths"][0])}'
        )


def _check_masks(clip: Mapping, size: tuple[int, int] | None) -> None:
    paths = clip['mask_prior_paths']
    shapes = [read_mask(clip, path).shape for path in paths]
    expected = shapes[0] if size is None else tuple(size)
    for path, shape in zip(paths, shapes, strict=True):
        if shape != expected:
            raise ValueError(
                f'mask prior must be {expected}, got {shape} in '
                f'{_describe(clip, path)}'
            )


def _describe(clip: Mapping, path: str) -> str:
    """Name a mask, its clip, and the command that makes both."""
    split = clip.get('split', 'test')
    return (
        f'{path} of clip {clip.get("clip_id")!r}, subset '
        f'{clip.get("subset")!r}, split {split!r}; masks are made by '
        '`python tools/test.py CONFIG CHECKPOINT --dump-masks DIR '
        f'--split {split}` with the first stage.'
    )

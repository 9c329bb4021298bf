"""One file for the decoded pictures of a clip, found by content."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import features

from mmavs.record_file import read_record, write_record

#: Part of every key; increase it when the record or what is in it changes.
_VERSION = 1


class Pictures(NamedTuple):
    """What is stored of a clip, by the keys of ``results``.

    Attributes:
        frames (np.ndarray): (T, H, W, 3) uint8; planes (T, 3, H, W) in
            memory.
        ori_frame_shapes (list[tuple[int, int]]): T pairs (H, W).
        masks (np.ndarray | None): (T, h, w) uint8.
        mask_size (tuple[int, int] | None): (h, w).
        mask_prior (np.ndarray | None): (T, h, w) float32.
    """

    frames: np.ndarray
    ori_frame_shapes: list[tuple[int, int]]
    masks: np.ndarray | None = None
    mask_size: tuple[int, int] | None = None
    mask_prior: np.ndarray | None = None


@functools.cache
def _decoders() -> tuple[str | None, ...]:
    # Releases may differ in pixels.
    jpeg = features.version('jpg')
    return jpeg, features.version('pil'), cv2.__version__


def content_key(parameters: Any, files: Sequence[str | None]) -> str:
    """Hash the content of files and how they are read.

    Args:
        parameters (Any): What JSON can hold. The versions of the decoders
            are added.
        files (Sequence[str | None]): Paths; None for a file that is not
            there by design, such as the label of an unlabelled frame.

    Returns:
        str: 32 hexadecimal digits.

    Raises:
        OSError: If a file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    head = dict(version=_VERSION, decoders=_decoders(), parameters=parameters)
    digest.update(json.dumps(head, sort_keys=True).encode())
    # The same frame may stand for every second of a clip.
    read: dict[str | None, bytes] = {None: b'none'}
    for path in files:
        if path not in read:
            assert path is not None
            read[path] = hashlib.blake2b(Path(path).read_bytes()).digest()
        digest.update(b'|' + read[path])
    return digest.hexdigest()


def write_pictures(path: Path, pictures: Pictures) -> None:
    """Write a file atomically; several processes may write the same one.

    Equal frames, masks or priors of a clip are stored once.

    Args:
        path (Path): The file, ending in ``.npy``.
        pictures (Pictures): Its content.

    Raises:
        OSError: If it cannot be written, for example on a full disk.
    """
    fields: dict[str, np.ndarray] = {
        'ori_frame_shapes': np.asarray(pictures.ori_frame_shapes, '<i4')
    }
    if pictures.mask_size is not None:
        fields['mask_size'] = np.asarray(pictures.mask_size, '<i4')
    for name, items in (
        ('mask_prior', pictures.mask_prior),
        ('frames', pictures.frames.transpose(0, 3, 1, 2)),
        ('masks', pictures.masks),
    ):
        if items is not None:
            fields[name], fields[f'{name}_rows'] = _without_repeats(items)
    write_record(path, fields)


def read_pictures(path: Path) -> Pictures | None:
    """Read a file that :func:`write_pictures` has written.

    Args:
        path (Path): The file.

    Returns:
        Pictures | None: None if there is no such file, or if it is damaged:
        its checksum is wrong, of which the log warns.

    Raises:
        OSError: If the file cannot be read.
    """
    fields = read_record(path)
    return None if fields is None else _unpack(fields)


def _unpack(fields: dict[str, np.ndarray]) -> Pictures:
    """Restore repeated items; arrays are views where possible."""

    def items(name: str) -> np.ndarray | None:
        if name not in fields:
            return None
        stored, rows = fields[name], fields[f'{name}_rows']
        if np.array_equal(rows, np.arange(len(stored))):
            return stored
        return stored[rows]

    frames = items('frames')
    assert frames is not None
    size = fields.get('mask_size')
    return Pictures(
        frames=frames.transpose(0, 2, 3, 1),
        ori_frame_shapes=[
            (int(height), int(width))
            for height, width in fields['ori_frame_shapes']
        ],
        masks=items('masks'),
        mask_size=None if size is None else (int(size[0]), int(size[1])),
        mask_prior=items('mask_prior'),
    )


def _without_repeats(items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split (T, ...) into different items (U, ...) and T rows of those."""
    kept: list[int] = []
    rows = []
    for t, item in enumerate(items):
        same = (i for i, k in enumerate(kept) if _same(items[k], item))
        row = next(same, len(kept))
        if row == len(kept):
            kept.append(t)
        rows.append(row)
    return items[kept], np.array(rows, '<i4')


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one == other).all())

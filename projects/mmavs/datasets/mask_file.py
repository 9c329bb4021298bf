"""Read predicted masks; errors name the command that writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .image_file import open_image


def read_mask(clip: Mapping, path: str) -> np.ndarray:
    """Read one mask of a clip.

    Args:
        clip (Mapping): Names the clip in errors.
        path (str): An 8 bit grey PNG.

    Returns:
        np.ndarray: (h, w) uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read or is not an 8 bit grey image.
    """
    image = open_image(path, f'mask prior {describe_mask(clip, path)}')
    if image.mode != 'L':
        raise ValueError(
            f'mask prior must be 8 bit grey (L), got {image.mode} in '
            f'{describe_mask(clip, path)}'
        )
    return np.array(image)


def check_masks(
    clip: Mapping, paths: Sequence[str], size: tuple[int, int] | None
) -> None:
    """Check that all masks of a clip are readable and have one size.

    Args:
        clip (Mapping): Names the clip in errors.
        paths (Sequence[str]): Files of its masks.
        size (tuple[int, int] | None): (h, w) that each mask must have; None
            for the size of the first mask.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is unreadable or has another size.
    """
    shapes = [read_mask(clip, path).shape for path in paths]
    expected = shapes[0] if size is None else tuple(size)
    for path, shape in zip(paths, shapes, strict=True):
        if shape != expected:
            raise ValueError(
                f'mask prior must be {expected}, got {shape} in '
                f'{describe_mask(clip, path)}'
            )


def describe_mask(clip: Mapping, path: str) -> str:
    """Name a file, its clip, and the command that writes the masks.

    Args:
        clip (Mapping): ``clip_id``, ``subset`` and ``split`` are named.
        path (str): The file.

    Returns:
        str: The end of an error message.
    """
    split = clip.get('split', 'test')
    return (
        f'{path} of clip {clip.get("clip_id")!r}, subset '
        f'{clip.get("subset")!r}, split {split!r}; masks are made by '
        '`python tools/test.py CONFIG CHECKPOINT --dump-masks DIR '
        f'--split {split}` with the first stage.'
    )

"""Check the frames of a clip."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmavs.datasets.image_file import open_image

from .file_state import find_fault
from .findings import Finding, Mending

_DIGEST_BYTES = 12


def check_frames(
    paths: Sequence[str], clip: str, mending: Mending
) -> tuple[list[Finding], tuple[int, int] | None, dict[int, str]]:
    """Decode the frames of a clip.

    Args:
        paths (Sequence[str]): T files.
        clip (str): Name of the clip.
        mending (Mending): Makes the commands.

    Returns:
        tuple[list[Finding], tuple[int, int] | None, dict[int, str]]: The
        findings; (H, W) of the first readable frame, None without any; and a
        hash of the pixels of each readable frame that has more than one
        colour.
    """
    found: list[Finding] = []
    size: tuple[int, int] | None = None
    digests = {}
    for t, path in enumerate(paths):
        image, faults = open_checked(path, 'frame', clip, mending)
        found += faults
        if image is None:
            continue
        shape = (image.height, image.width)
        if size is None:
            size = shape
        elif shape != size:
            text = f'expected (H, W) = {size} as in frame 0, got {shape}'
            mend = mending.restore(path)
            found.append(Finding('frame-size', path, text, mend, clip=clip))
        if image.mode != 'RGB':
            text = f'expected mode RGB, got {image.mode}; it is converted'
            mend = mending.restore(path)
            found.append(
                Finding('frame-mode', path, text, mend, 'warning', clip)
            )
        pixels = np.asarray(image.convert('RGB'))
        if (pixels != pixels[0, 0]).any():
            digests[t] = _digest(pixels)
    return found, size, digests


def open_checked(
    path: str, kind: str, clip: str, mending: Mending
) -> tuple[Image.Image | None, list[Finding]]:
    """Decode an image, or report why this is not possible.

    Args:
        path (str): The file.
        kind (str): ``'frame'`` or ``'label'``; starts the name of a finding.
        clip (str): Name of the clip.
        mending (Mending): Makes the commands.

    Returns:
        tuple[Image.Image | None, list[Finding]]: The image, or None and one
        finding.
    """
    mend = mending.restore(path)
    fault = find_fault(path)
    if fault is not None:
        text = fault.text
        if fault.kind == 'permission':
            mend = mending.allow(path)
        elif fault.kind == 'missing':
            text += _similar_names(path)
        found = Finding(f'{kind}-{fault.kind}', path, text, mend, clip=clip)
        return None, [found]
    try:
        return open_image(path, path), []
    except ValueError as error:
        found = Finding(
            f'{kind}-unreadable', path, str(error), mend, clip=clip
        )
        return None, [found]


def _similar_names(path: str) -> str:
    """Name files that differ in the suffix or in upper and lower case."""
    target = Path(path)
    similar = [
        other.name
        for other in sorted(target.parent.glob('*'))
        if other.stem.lower() == target.stem.lower()
    ]
    return f', but there is {", ".join(similar)}' if similar else ''


def _digest(pixels: np.ndarray) -> str:
    digest = hashlib.blake2b(
        repr(pixels.shape).encode(), digest_size=_DIGEST_BYTES
    )
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()

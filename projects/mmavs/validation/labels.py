"""Check the labels of a clip."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from mmavs.datasets.metainfo import colours_to_ids

from .clip_files import LabelFiles
from .findings import Finding, Mending
from .pictures import open_checked

#: Pixel types of a label image of class ids.
_ID_MODES = ('L', 'P')


class LabelFacts(NamedTuple):
    """What the labels of one kind hold.

    Attributes:
        ids (dict[int, np.ndarray]): Frame -> (h, w) ids as stored, or from
            colours; frames with faults are absent.
        is_black_and_white (bool): Some label has white pixels and all have
            only black and white ones; such labels have no classes.
        is_coloured (bool): Some label has a colour of the palette other
            than black.
    """

    ids: dict[int, np.ndarray]
    is_black_and_white: bool
    is_coloured: bool


def check_labels(
    labels: LabelFiles,
    frame_size: tuple[int, int] | None,
    num_classes: int,
    clip: str,
    mending: Mending,
) -> tuple[list[Finding], LabelFacts]:
    """Decode the labels of a clip.

    Args:
        labels (LabelFiles): The files.
        frame_size (tuple[int, int] | None): (H, W) of the frames, which the
            labels must have; None if no frame can be read.
        num_classes (int): Number of classes; one more id is tolerated here,
            see ``check_label_base``.
        clip (str): Name of the clip.
        mending (Mending): Makes the commands.

    Returns:
        tuple[list[Finding], LabelFacts]: Findings and facts.
    """
    found: list[Finding] = []
    ids: dict[int, np.ndarray] = {}
    white, coloured = False, False
    for t, path in enumerate(labels.paths):
        if path is None:
            continue
        image, faults = open_checked(path, 'label', clip, mending)
        found += faults
        if image is None:
            continue
        found += _check_form(image, path, labels, frame_size, clip, mending)
        if labels.holds_ids:
            if image.mode in _ID_MODES:
                ids[t] = np.asarray(image)
                found += _check_ids(ids[t], path, num_classes, clip, mending)
            continue
        pixels = np.asarray(image.convert('RGB'))
        if _is_black_and_white(pixels):
            white |= bool(pixels.any())
            continue
        coloured = True
        if labels.is_binary or image.format == 'JPEG':
            continue
        try:
            ids[t] = colours_to_ids(pixels)
        except ValueError as error:
            mend = mending.rewrite_labels('--clean-labels', path)
            found.append(
                Finding('label-colour', path, str(error), mend, clip=clip)
            )
    return found, LabelFacts(ids, white and not coloured, coloured)


def _check_form(
    image: Image.Image,
    path: str,
    labels: LabelFiles,
    frame_size: tuple[int, int] | None,
    clip: str,
    mending: Mending,
) -> list[Finding]:
    """Check format, pixel type and size of a label."""
    found = []
    mend = mending.restore(path)
    if image.format == 'JPEG':
        text = 'expected an image without loss (PNG), got a JPEG'
        found.append(Finding('label-format', path, text, mend, clip=clip))
    # Colours are read from any pixel type.
    if labels.holds_ids and image.mode not in _ID_MODES:
        text = f'expected a mode of {_ID_MODES}, got {image.mode!r}'
        found.append(Finding('label-mode', path, text, mend, clip=clip))
    size = (image.height, image.width)
    if frame_size is not None and size != frame_size:
        text = f'expected the size of the frame, {frame_size}, got {size}'
        found.append(Finding('label-size', path, text, mend, clip=clip))
    return found


def _check_ids(
    ids: np.ndarray, path: str, num_classes: int, clip: str, mending: Mending
) -> list[Finding]:
    if ids.max() <= num_classes:
        return []
    text = f'expected class ids 0..{num_classes - 1}, got {ids.max()}'
    return [Finding('label-id', path, text, mending.restore(path), clip=clip)]


def _is_black_and_white(pixels: np.ndarray) -> bool:
    """Return whether all pixels (H, W, 3) are black or white."""
    first = pixels[..., :1]
    return bool(((first == pixels) & ((first == 0) | (first == 255))).all())

"""Rewrite label files; the originals are kept beside them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmavs.atomic_file import atomic_path
from mmavs.datasets.image_file import open_image
from mmavs.datasets.metainfo import AVSBENCH_PALETTE, known_colours

from .clip_files import ClipFiles, LabelFiles
from .specks import UNKNOWN, remove_specks

#: Ends of the names of the folders that keep the originals.
_UNCLEANED, _UNSHIFTED = '.uncleaned', '.from_one'


def clean_labels(clip: ClipFiles, max_pixels: int) -> list[str]:
    """Remove the specks of a clip, see :func:`remove_specks`.

    The original of ``labels_rgb/0.png`` becomes
    ``labels_rgb.uncleaned/0.png``. Unreadable labels and black and white ones
    are left as they are.

    Args:
        clip (ClipFiles): A clip in AVSBench's layout.
        max_pixels (int): Largest speck.

    Returns:
        list[str]: The files that were changed.
    """
    changed = []
    for labels in clip.labels:
        images = _readable(labels)
        ids = [_to_ids(image, labels) for image in images.values()]
        cleaned = remove_specks(ids, max_pixels)
        for path, old, new in zip(images, ids, cleaned, strict=True):
            if np.array_equal(old, new):
                continue
            pixels = _pixels(images[path], labels).copy()
            different = old != new
            values = new[different]
            pixels[different] = (
                values if labels.holds_ids else AVSBENCH_PALETTE[values]
            )
            _replace(Path(path), pixels, _UNCLEANED)
            changed.append(path)
    return changed


def starts_at_one(clips: Sequence[ClipFiles]) -> bool:
    """Return whether the class ids of a data set start at 1.

    Args:
        clips (Sequence[ClipFiles]): All clips of the data set.

    Returns:
        bool: True if there are ids, the smallest is 1, and the originals of
        files that were already shifted are counted.
    """
    smallest = [
        int(np.asarray(image).min())
        for clip in clips
        for labels in clip.labels
        if labels.holds_ids
        for image in _originals(labels).values()
    ]
    return bool(smallest) and min(smallest) == 1


def shift_labels(clip: ClipFiles) -> list[str]:
    """Subtract 1 from the class ids of a clip.

    The original of ``labels_semantic/0.png`` becomes
    ``labels_semantic.from_one/0.png``. Files that have an original there are
    made from it, so that an interrupted call can be repeated.

    Args:
        clip (ClipFiles): A clip in AVSBench's layout, see
            :func:`starts_at_one`.

    Returns:
        list[str]: The files that were changed.
    """
    changed = []
    for labels in clip.labels:
        if not labels.holds_ids:
            continue
        for path, image in _originals(labels).items():
            shifted = np.asarray(image) - 1
            current = np.asarray(open_image(path, path))
            if not np.array_equal(shifted, current):
                _replace(Path(path), shifted, _UNSHIFTED)
                changed.append(path)
    return changed


def _originals(labels: LabelFiles) -> dict[str, Image.Image]:
    """Read labels, and the originals of shifted ones."""
    images = _readable(labels)
    for path in images:
        kept = _kept_path(Path(path), _UNSHIFTED)
        if kept.exists():
            images[path] = open_image(kept, str(kept))
    return images


def _readable(labels: LabelFiles) -> dict[str, Image.Image]:
    """Read the labels that can be rewritten."""
    images = {}
    for path in labels.paths:
        try:
            image = open_image(path, path) if path else None
        except (FileNotFoundError, ValueError):
            continue  # the validation reports it
        if image is None or image.format != 'PNG':
            continue
        if labels.holds_ids and image.mode not in ('L', 'P'):
            continue
        if path is not None and not _is_black_and_white(image, labels):
            images[path] = image
    return images


def _is_black_and_white(image: Image.Image, labels: LabelFiles) -> bool:
    pixels = np.asarray(image.convert('RGB'))
    has_white = bool((pixels == 255).all(axis=-1).any())
    is_other = ((pixels != 0) & (pixels != 255)).any()
    return has_white and not is_other and not labels.holds_ids


def _pixels(image: Image.Image, labels: LabelFiles) -> np.ndarray:
    """Return ids (h, w) or colours (h, w, 3), uint8."""
    return np.asarray(image if labels.holds_ids else image.convert('RGB'))


def _to_ids(image: Image.Image, labels: LabelFiles) -> np.ndarray:
    """Return ids (h, w) int64 with UNKNOWN for other colours."""
    pixels = _pixels(image, labels)
    if labels.holds_ids:
        return pixels.astype(np.int64)
    ids, is_known = known_colours(pixels)
    return np.where(is_known, ids, UNKNOWN)


def _kept_path(path: Path, suffix: str) -> Path:
    return path.parent.with_name(path.parent.name + suffix) / path.name


def _replace(path: Path, pixels: np.ndarray, suffix: str) -> None:
    """Keep the original, unless it is kept already, then write the label."""
    kept = _kept_path(path, suffix)
    if not kept.exists():
        with atomic_path(kept) as temporary:
            shutil.copyfile(path, temporary)
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)

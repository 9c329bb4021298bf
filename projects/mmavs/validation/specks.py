"""Remove stray specks from the labels of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

#: Stands for a colour outside the palette.
UNKNOWN = -1


def remove_specks(
    labels: Sequence[np.ndarray], max_pixels: int
) -> list[np.ndarray]:
    """Replace small regions of classes that the clip does not have.

    Regions are 8-connected. A class is stray if none of its regions, in any
    frame of the clip, has more than ``max_pixels`` pixels. All regions of
    stray classes, and regions of :data:`UNKNOWN` of at most ``max_pixels``
    pixels, get the most frequent id among the pixels that touch them (the
    smallest id if several are equally frequent). Stray and unknown pixels do
    not count there; without any other, the region becomes background. Small
    regions of a class that is larger elsewhere in the clip are kept: they may
    be parts of an object that is partly hidden.

    Args:
        labels (Sequence[np.ndarray]): (h, w) int ids of each labelled frame;
            0 is the background.
        max_pixels (int): Largest speck.

    Returns:
        list[np.ndarray]: Cleaned copies.
    """
    largest: dict[int, int] = {}
    for ids in labels:
        for value in np.unique(ids).tolist():
            regions = _regions(ids == value)
            size = max(int(region.sum()) for region in regions)
            largest[value] = max(size, largest.get(value, 0))
    stray = {
        value
        for value, size in largest.items()
        if size <= max_pixels and value != 0
    } | {UNKNOWN}
    return [_clean(ids, stray, max_pixels) for ids in labels]


def _clean(ids: np.ndarray, stray: set[int], max_pixels: int) -> np.ndarray:
    cleaned = ids.copy()
    for value in sorted(stray & set(np.unique(ids).tolist())):
        for region in _regions(ids == value):
            if region.sum() <= max_pixels:
                cleaned[region] = _surrounding_id(ids, region, stray)
    return cleaned


def _regions(mask: np.ndarray) -> list[np.ndarray]:
    """Split a mask (h, w) into the masks of its 8-connected regions."""
    count, regions = cv2.connectedComponents(
        mask.astype(np.uint8), connectivity=8
    )
    return [regions == number for number in range(1, count)]


def _surrounding_id(
    ids: np.ndarray, region: np.ndarray, stray: set[int]
) -> int:
    touching = cv2.dilate(region.astype(np.uint8), np.ones((3, 3), np.uint8))
    around = ids[(touching > 0) & ~region]
    values, counts = np.unique(
        around[~np.isin(around, list(stray))], return_counts=True
    )
    # The first of the largest counts belongs to the smallest id.
    return int(values[counts.argmax()]) if len(values) else 0

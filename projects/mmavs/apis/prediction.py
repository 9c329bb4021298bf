"""Masks and scores that a model predicts, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from .windows import Window


class ClipPrediction(NamedTuple):
    """Consecutive masks at the size of the frames.

    Attributes:
        masks (np.ndarray): (T, H, W) uint8 class ids, 0 is background.
        scores (np.ndarray): (T, H, W) float32 in [0, 1], the score of a pixel
            for being part of a sounding object.
        first (int): Number of the first mask in the video; at one mask per
            second, this is its second.
    """

    masks: np.ndarray
    scores: np.ndarray
    first: int = 0


def in_order(
    predictions: Iterable[tuple[Window, ClipPrediction]],
) -> Iterator[ClipPrediction]:
    """Sort the new masks of windows by their numbers.

    A mask is held until all masks with smaller numbers are there.

    Args:
        predictions (Iterable[tuple[Window, ClipPrediction]]): Windows that
            contain every number from 0 as a new one, and their predictions.

    Yields:
        ClipPrediction: One or more masks; ``first`` is their number.
    """
    held: dict[int, tuple[ClipPrediction, int]] = {}
    first = 0
    for window, part in predictions:
        num_old = len(window.numbers) - window.num_new
        for row in range(num_old, len(window.numbers)):
            held[window.numbers[row]] = part, row
        while first in held:
            part, row = held.pop(first)
            count = 1
            while held.get(first + count, (None,))[0] is part:
                held.pop(first + count)
                count += 1
            rows = slice(row, row + count)
            yield ClipPrediction(part.masks[rows], part.scores[rows], first)
            first += count

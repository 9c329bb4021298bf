"""How the IoU of objects depends on their size and sound; confusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .clip_analysis import ClipAnalysis
from .semantic_functional import ClassAreas, class_iou_and_f


class Objects(NamedTuple):
    """Every class, apart from the background, in every frame's label.

    Attributes:
        iou (np.ndarray): (n,) IoU of the class in the frame, in [0, 1].
        area (np.ndarray): (n,) share of the frame, in (0, 1].
        loudness (np.ndarray): (n,) dBFS of the frame's second.
    """

    iou: np.ndarray
    area: np.ndarray
    loudness: np.ndarray


class Bin(NamedTuple):
    """Objects whose area or loudness is in an interval.

    Attributes:
        low (float): Start of the interval, included.
        high (float): Its end, excluded.
        num_objects (int): Number of objects.
        mean (float): Their mean IoU; NaN if there are none.
        quartiles (tuple[float, float]): 25 % and 75 % of the IoUs; NaN if
            there are none.
    """

    low: float
    high: float
    num_objects: int
    mean: float
    quartiles: tuple[float, float]


class Confusion(NamedTuple):
    """Pixels of one class that are predicted as another.

    Attributes:
        true (int): Class id of the label.
        predicted (int): Class id of the prediction.
        share (float): Of the pixels of ``true``, in [0, 1].
        pixels (int): Their number.
    """

    true: int
    predicted: int
    share: float
    pixels: int


def list_objects(analyses: Sequence[ClipAnalysis]) -> Objects:
    """List every class, apart from the background, in every frame's label.

    Args:
        analyses (Sequence[ClipAnalysis]): The clips.

    Returns:
        Objects: In the order of clips, frames and classes.
    """
    areas = ClassAreas(
        *(
            np.concatenate(part)
            for part in zip(*(each.areas for each in analyses), strict=True)
        )
    )
    loudness = np.concatenate([each.loudness for each in analyses])
    iou, _ = class_iou_and_f(areas)
    share = areas.true / areas.true.sum(1, keepdims=True)
    frame, number = np.nonzero(areas.true[:, 1:])
    return Objects(
        iou[frame, number + 1], share[frame, number + 1], loudness[frame]
    )


def silent_frames(analyses: Sequence[ClipAnalysis]) -> tuple[int, float]:
    """Measure what is predicted in frames whose label is empty.

    Args:
        analyses (Sequence[ClipAnalysis]): The clips.

    Returns:
        tuple[int, float]: Number of such frames, and the share of their
        pixels that are predicted as an object (NaN if there are none).
    """
    true = np.concatenate([each.areas.true for each in analyses])
    predicted = np.concatenate([each.areas.predicted for each in analyses])
    is_silent = true[:, 1:].sum(1) == 0
    if not is_silent.any():
        return 0, float('nan')
    objects = predicted[is_silent, 1:].sum()
    return int(is_silent.sum()), float(objects / predicted[is_silent].sum())


def bin_objects(
    iou: np.ndarray, values: np.ndarray, edges: Sequence[float]
) -> list[Bin]:
    """Average the IoU of objects in intervals of another value.

    Args:
        iou (np.ndarray): (n,).
        values (np.ndarray): (n,), such as areas.
        edges (Sequence[float]): Increasing; b + 1 edges of b intervals.

    Returns:
        list[Bin]: b intervals.
    """
    bins = []
    for low, high in zip(edges, edges[1:], strict=False):
        chosen = iou[(values >= low) & (values < high)]
        if not len(chosen):
            nothing = float('nan')
            bins.append(Bin(low, high, 0, nothing, (nothing, nothing)))
            continue
        first, last = np.percentile(chosen, (25, 75)).tolist()
        mean = float(chosen.mean())
        bins.append(Bin(low, high, len(chosen), mean, (first, last)))
    return bins


def largest_confusions(confusion: np.ndarray, count: int) -> list[Confusion]:
    """Find the classes of which most is predicted as some other class.

    Args:
        confusion (np.ndarray): (K, K) pixels, true class by predicted class.
        count (int): Maximum number of results.

    Returns:
        list[Confusion]: Largest share first, without shares of 0.
    """
    total = confusion.sum(1, keepdims=True)
    share = confusion / np.maximum(total, 1)
    np.fill_diagonal(share, 0)
    found = []
    for place in np.argsort(-share, axis=None, kind='stable')[:count]:
        true, predicted = divmod(int(place), len(confusion))
        if share[true, predicted] > 0:
            found.append(
                Confusion(
                    true,
                    predicted,
                    float(share[true, predicted]),
                    int(confusion[true, predicted]),
                )
            )
    return found

"""Upper bound of the mIoU without sound: the sound-blind guesser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, combinations
from typing import NamedTuple

import numpy as np

from .sampling import NUM_SOUNDING, NUM_SOURCES


class FrameFacts(NamedTuple):
    """Data of one frame from which the bound is computed.

    Attributes:
        areas (np.ndarray): (objects,) pixels of each object; objects do not
            overlap.
        sounding (np.ndarray): (objects,) bool.
        num_pixels (int): Number of pixels of the frame.
    """

    areas: np.ndarray
    sounding: np.ndarray
    num_pixels: int


def mask_iou(
    marked: np.ndarray, sounding: np.ndarray, facts: FrameFacts
) -> float:
    """Score a set of marked objects as the metric of S4 and MS3 does.

    The score is the IoU of the marked and the sounding objects. If no object
    sounds, it is the fraction of pixels that are not marked.

    Args:
        marked (np.ndarray): (objects,) bool, predicted as sounding.
        sounding (np.ndarray): (objects,) bool, the truth.
        facts (FrameFacts): Areas and frame size.

    Returns:
        float: In [0, 1].
    """
    areas = facts.areas
    if not areas[sounding].sum():
        return 1 - areas[marked].sum() / facts.num_pixels
    union = areas[marked | sounding].sum()
    return float(areas[marked & sounding].sum() / union)


def sounding_prior(subset: str, num_objects: int) -> dict[int, float]:
    """Return the distribution of the number of sounding objects per second.

    Args:
        subset (str): ``'v1s'`` or another.
        num_objects (int): Number of visible objects.

    Returns:
        dict[int, float]: Number -> probability. All sets of the same number
        of objects are equally likely.
    """
    if subset == 'v1s':
        return {1: 1.0}
    prior = dict.fromkeys(range(num_objects + 1), 0.0)
    for num_sources, weight in NUM_SOURCES[num_objects].items():
        for number, probability in NUM_SOUNDING[num_sources].items():
            prior[number] += weight * probability
    return prior


def best_guess(
    facts: FrameFacts, prior: Mapping[int, float]
) -> tuple[np.ndarray, float]:
    """Find the marking with the highest expected score.

    Args:
        facts (FrameFacts): The frame; ``sounding`` is not used.
        prior (Mapping[int, float]): See :func:`sounding_prior`.

    Returns:
        tuple[np.ndarray, float]: The marking (objects,) bool and its
        expected score in [0, 1].
    """
    subsets = _subsets(len(facts.areas))
    sizes = subsets.sum(1)
    weights = [
        prior.get(int(size), 0.0) / np.sum(sizes == size) for size in sizes
    ]
    expected = [
        sum(
            weight * mask_iou(marked, truth, facts)
            for weight, truth in zip(weights, subsets, strict=True)
            if weight
        )
        for marked in subsets
    ]
    best = int(np.argmax(expected))
    return subsets[best], float(expected[best])


def blind_miou(frames: Sequence[FrameFacts], subset: str) -> dict[str, float]:
    """Score strategies that do not use the sound (sound-blind guesser).

    The guesser has the exact mask of each object, the number of objects and
    the generator's distribution of the number of sounding objects. Which
    objects sound is not visible and independent between seconds, so no method
    without sound has a higher expected mIoU than ``expected``. The other
    values are what strategies reach on the given frames; on few frames, one
    may exceed ``expected`` by chance.

    Args:
        frames (Sequence[FrameFacts]): All frames of a split.
        subset (str): Their subset.

    Returns:
        dict[str, float]: mIoU in [0, 1]: ``expected``, the expectation for
        the best marking of each frame, and the mIoU that ``best_marking``,
        ``mark_none``, ``mark_all`` and ``mark_largest`` reach.
    """
    scores: dict[str, list[float]] = {}
    for facts in frames:
        num_objects = len(facts.areas)
        best, expected = best_guess(facts, sounding_prior(subset, num_objects))
        scores.setdefault('expected', []).append(expected)
        markings = dict(
            best_marking=best,
            mark_none=np.zeros(num_objects, dtype=bool),
            mark_all=np.ones(num_objects, dtype=bool),
            mark_largest=np.arange(num_objects) == facts.areas.argmax(),
        )
        for name, marked in markings.items():
            score = mask_iou(marked, facts.sounding, facts)
            scores.setdefault(name, []).append(score)
    return {name: float(np.mean(values)) for name, values in scores.items()}


def _subsets(num_objects: int) -> np.ndarray:
    """All subsets of the objects: (2**num_objects, num_objects) bool."""
    members = chain.from_iterable(
        combinations(range(num_objects), size)
        for size in range(num_objects + 1)
    )
    return np.array([np.isin(np.arange(num_objects), m) for m in members])

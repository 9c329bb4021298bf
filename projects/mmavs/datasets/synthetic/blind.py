"""How well a guesser does who sees every object but hears nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, combinations
from typing import NamedTuple

import numpy as np

from .scene import NUM_SOUNDING, NUM_SOURCES


class FrameFacts(NamedTuple):
    """What the bound needs of a frame.

    Attributes:
        areas (np.ndarray): (objects,) pixels of each object; they are apart.
        sounding (np.ndarray): (objects,) bool.
        num_pixels (int): Of the frame.
    """

    areas: np.ndarray
    sounding: np.ndarray
    num_pixels: int


def mask_iou(
    marked: np.ndarray, sounding: np.ndarray, facts: FrameFacts
) -> float:
    """Score marked objects by the frame rule of S4 and MS3.

    IoU of the two unions; where nothing sounds, the share of pixels that
    were rightly left unmarked.

    Args:
        marked (np.ndarray): (objects,) bool.
        sounding (np.ndarray): (objects,) bool, the truth to score against.
        facts (FrameFacts): Gives areas and frame size.

    Returns:
        float: In [0, 1].
    """
    areas = facts.areas
    if not areas[sounding].sum():
        return 1 - areas[marked].sum() / facts.num_pixels
    union = areas[marked | sounding].sum()
    return float(areas[marked & sounding].sum() / union)


def sounding_prior(subset: str, num_objects: int) -> dict[int, float]:
    """Probabilities of the number of sounding objects in a second.

    Args:
        subset (str): ``'v1s'`` or another.
        num_objects (int): Objects to be seen.

    Returns:
        dict[int, float]: Number -> probability. Which objects they are is
        uniform.
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
        facts (FrameFacts): The frame; ``sounding`` is not looked at.
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
    """Score the strategies of a guesser who cannot hear.

    The guesser knows each frame's object masks exactly, the number of
    objects and the generator's probabilities of how many of them sound.
    Which ones cannot be seen, and nothing carries over between seconds, so
    nothing without sound can expect more than ``expected``. The others are
    what strategies reach on the very frames; where these are few, luck may
    lift one above ``expected``.

    Args:
        frames (Sequence[FrameFacts]): All frames of a split.
        subset (str): Their subset.

    Returns:
        dict[str, float]: mIoU in [0, 1]: ``expected`` of the best marking
        of each frame, and reached by ``best_marking``, ``mark_none``,
        ``mark_all`` and ``mark_largest``.
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

"""Scores of resampled clips: how much a score depends on the clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .binary_metric import FRAME, BinaryClipEntry, batch_size_of
from .semantic_functional import ClassAreas, ClassScores, class_iou_and_f
from .semantic_metric import (
    AVSBENCH_NUM_FRAMES,
    PROTOCOLS,
    SemanticClipEntry,
    mean_scores,
)

#: Protocols of binary masks that the tools report.
BINARY_PROTOCOLS = (
    *('split', 'stepping_stones', 'frame'),
    *('avsbench-bs1', 'avsbench-bs2', 'avsbench-bs4'),
)
#: Protocols of data sets other than AVSBench: its padding of clips to 10
#: frames is not meant for them.
UNPADDED_PROTOCOLS = tuple(name for name in PROTOCOLS if name != 'avsbench')
#: Scores by name, such as ``split/F``, of clips in a given order, in which
#: clips may be repeated.
Scores = Callable[[np.ndarray], dict[str, float]]
#: Percentiles of an interval that holds 95 %.
_INTERVAL = (2.5, 97.5)


class Estimate(NamedTuple):
    """A score and its interval.

    Attributes:
        value (float): Of the clips themselves.
        low (float): End of the 95 % interval of resampled clips.
        high (float): Other end.
    """

    value: float
    low: float
    high: float


def bootstrap(
    scores: Sequence[Scores], num_clips: int, *, num_resamples: int, seed: int
) -> Iterator[tuple[str, list[Estimate], Estimate | None]]:
    """Resample clips with replacement and score them.

    Args:
        scores (Sequence[Scores]): Of one model, or of two on the same clips,
            which are then resampled alike.
        num_clips (int): n.
        num_resamples (int): Number of times that n clips are drawn.
        seed (int): Of the draws.

    Yields:
        tuple[str, list[Estimate], Estimate | None]: Name of a score, its
        value for each model, and the difference first minus second of two
        models. Intervals are percentiles of the resamples.
    """
    rng = np.random.default_rng(seed)
    orders = [np.arange(num_clips)]
    orders += [
        rng.integers(num_clips, size=num_clips) for _ in range(num_resamples)
    ]
    drawn = [[score(order) for order in orders] for score in scores]
    for name in drawn[0][0]:
        values = np.array([[row[name] for row in rows] for rows in drawn])
        difference = None
        if len(values) == 2:
            difference = _estimate(values[0] - values[1])
        yield name, [_estimate(row) for row in values], difference


def _estimate(values: np.ndarray) -> Estimate:
    """First the value of the clips themselves, then of the resamples."""
    low, high = np.nanpercentile(values[1:], _INTERVAL)
    return Estimate(float(values[0]), float(low), float(high))


def binary_scores(
    entries: Sequence[BinaryClipEntry], protocols: Sequence[str]
) -> Scores:
    """Prepare the scores of binary masks under several protocols.

    Args:
        entries (Sequence[BinaryClipEntry]): One per clip, in order, with
            ``frame_f``.
        protocols (Sequence[str]): See ``AVSBinaryMetric``.

    Returns:
        Scores: ``<protocol>/mIoU`` and ``<protocol>/F``, equal to those of
        ``AVSBinaryMetric`` for the order 0..n-1.
    """
    frames = np.array([entry.num_frames for entry in entries])
    iou = np.array([sum(entry.frame_iou) for entry in entries])
    curves = np.array([entry.f_curve_sum for entry in entries])
    valid = np.array([entry.num_valid_frames for entry in entries])
    best = np.array([sum(entry.frame_f or ()) for entry in entries])

    own = curves.max(1) / np.maximum(valid, 1)  # F of each clip alone

    def best_f(order: np.ndarray, size: int | None) -> float:
        """Average the best F of batches of ``size`` clips."""
        if size == 1:
            return float(own[order].mean())
        starts = np.arange(0, len(order), size or len(order))
        top = np.add.reduceat(curves[order], starts).max(1)
        num_valid = np.add.reduceat(valid[order], starts)
        return float(np.mean(top / np.maximum(num_valid, 1)))

    def score(order: np.ndarray) -> dict[str, float]:
        result = {}
        for name in protocols:
            size = None if name == FRAME else batch_size_of(name)
            starts = np.arange(0, len(order), size or len(order))
            iou_sum, num_frames = (
                np.add.reduceat(column[order], starts)
                for column in (iou, frames)
            )
            result[f'{name}/mIoU'] = float(np.mean(iou_sum / num_frames))
            if name == FRAME:
                result[f'{name}/F'] = float(
                    best[order].sum() / frames[order].sum()
                )
            else:
                result[f'{name}/F'] = best_f(order, size)
        return result

    return score


def semantic_scores(
    entries: Sequence[SemanticClipEntry], protocols: Sequence[str]
) -> Scores:
    """Prepare the scores of class ids under several protocols.

    Args:
        entries (Sequence[SemanticClipEntry]): One per clip, in order.
        protocols (Sequence[str]): See ``AVSSemanticMetric``.

    Returns:
        Scores: The keys of ``AVSSemanticMetric``, with equal values for the
        order 0..n-1.
    """
    sums = [_class_sums(entry) for entry in entries]
    columns = {name: np.stack([row[name] for row in sums]) for name in sums[0]}

    def score(order: np.ndarray) -> dict[str, float]:
        weights = np.bincount(order, minlength=len(entries)).astype(float)
        total = {name: weights @ column for name, column in columns.items()}
        return {
            f'{protocol}/{key}': value
            for protocol in protocols
            for key, value in mean_scores(
                _class_scores(total, protocol), protocol
            ).items()
        }

    return score


def _class_sums(entry: SemanticClipEntry) -> dict[str, np.ndarray]:
    """Sums over the frames of a clip, (K,) each."""
    iou, f_score = class_iou_and_f(entry.areas)
    common, predicted, true = entry.areas
    return dict(
        iou=iou.sum(0),
        f_score=f_score.sum(0),
        frames=((predicted > 0) | (true > 0)).sum(0),
        padded=np.array([AVSBENCH_NUM_FRAMES - entry.num_frames]),
        common=common.sum(0),
        predicted=predicted.sum(0),
        true=true.sum(0),
    )


def _class_scores(
    total: Mapping[str, np.ndarray], protocol: str
) -> ClassScores:
    frames = total['frames']
    if protocol == 'dataset':
        areas = ClassAreas(total['common'], total['predicted'], total['true'])
        return ClassScores(*class_iou_and_f(areas), frames)
    iou, f_score = total['iou'].copy(), total['f_score'].copy()
    if protocol == 'avsbench':
        frames = frames.copy()
        for column in (iou, f_score, frames):
            column[0] += total['padded'][0]
    divisor = np.maximum(frames, 1)
    return ClassScores(iou / divisor, f_score / divisor, frames)

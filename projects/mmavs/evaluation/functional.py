"""Metrics of binary audio-visual segmentation as functions of tensors.

Behavioural references: ``Stepping-Stones@de6a17b:avs/utils/utility.py``
(https://arxiv.org/abs/2407.11820) and
``AVSBench:avs_scripts/avs_s4/utils/utility.py``
(https://arxiv.org/abs/2207.05042); reimplemented, no code taken.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

#: Number of thresholds of the F curve.
NUM_THRESHOLDS = 255
#: Weight of precision against recall in the F-score (beta squared).
BETA_SQUARED = 0.3


class FCurves(NamedTuple):
    """F-scores of N frames at every threshold.

    Attributes:
        curves (Tensor): (N, 255) float64 in [0, 1]; 0 where ``valid`` is not.
        valid (Tensor): (N,) bool; False for a frame with an empty truth,
            which is excluded from the F-score.
    """

    curves: Tensor
    valid: Tensor


def f_thresholds(device: torch.device | str = 'cpu') -> Tensor:
    """Return the (255,) float32 thresholds: 0, 1/254, ..., exactly 1.

    The published end point 1 - 1e-10 is 1 in float32. They are computed on
    the CPU, so that they are identical on every device.
    """
    return torch.linspace(0, 1 - 1e-10, NUM_THRESHOLDS).to(device)


def sounding_score(logits: Tensor) -> Tensor:
    """Soft score of "this pixel belongs to a sounding object".

    Two channels (class scores S0, S1 of AAVS): ``sigmoid(2 * S1 - S0)``. One
    channel: ``sigmoid(logit)``.

    The result does not depend on SIMD width, number of threads or device, and
    is exactly 1 where the published float32 sigmoid saturates.

    Args:
        logits (Tensor): (N, 1, H, W) or (N, 2, H, W).

    Returns:
        Tensor: (N, H, W) float32 in [0, 1].

    Raises:
        ValueError: If the logits have another shape.
    """
    _check_logits(logits)
    logits = logits.float()
    if logits.shape[1] == 2:
        logit = 2 * logits[:, 1] - logits[:, 0]
    else:
        logit = logits[:, 0]
    return _sigmoid(logit)


def ease_score(logits: Tensor) -> Tensor:
    """Soft score of EASE's protocol, which depends on the whole frame.

    Two channels give the difference d = S1 - S0, one channel the logit d. A
    frame whose d are all in [0, 1] keeps them; otherwise the score is
    ``sigmoid(d)``. Behavioural reference:
    ``ilpoviertola/EASE@12ab645:utils/avs_semantic_metric.py``.

    Args:
        logits (Tensor): (N, 1, H, W) or (N, 2, H, W).

    Returns:
        Tensor: (N, H, W) float32 in [0, 1].

    Raises:
        ValueError: If the logits have another shape.
    """
    _check_logits(logits)
    logits = logits.float()
    score = logits[:, -1]
    if logits.shape[1] == 2:
        score = score - logits[:, 0]
    low, high = score.flatten(1).aminmax(dim=1)
    kept = (low >= 0) & (high <= 1)
    return torch.where(kept[:, None, None], score, _sigmoid(score))


def sounding_mask(logits: Tensor, score: Tensor | None = None) -> Tensor:
    """Hard prediction: argmax of two channels, score > 0.5 of one.

    A tie (equal scores; a logit of exactly 0) is "not sounding".

    Args:
        logits (Tensor): (N, 1, H, W) or (N, 2, H, W).
        score (Tensor | None): ``sounding_score(logits)``; computed if it is
            needed and not given.

    Returns:
        Tensor: (N, H, W) bool.

    Raises:
        ValueError: If the logits have another shape.
    """
    _check_logits(logits)
    if logits.shape[1] == 2:
        return logits[:, 1] > logits[:, 0]
    return (sounding_score(logits) if score is None else score) > 0.5


def frame_iou(pred: Tensor, target: Tensor) -> Tensor:
    """Intersection over union of every frame.

    A frame with an empty truth scores the fraction of pixels predicted as
    background: 1 if the prediction is empty, too. The published 1e-7 in the
    denominator is omitted: a union is never 0 here, and in float32 adding
    1e-7 to a union of two or more pixels has no effect.

    Args:
        pred (Tensor): (N, H, W) bool.
        target (Tensor): (N, H, W) bool.

    Returns:
        Tensor: (N,) float64 in [0, 1].

    Raises:
        ValueError: If the shapes differ or the type is not bool.
    """
    _check_masks(pred, target, dtype=torch.bool)
    true, predicted, common = (
        mask.flatten(1).count_nonzero(1)
        for mask in (target, pred, pred & target)
    )
    # Empty truths use the background IoU; its union is the whole frame.
    silent, num_pixels = true == 0, target.shape[1] * target.shape[2]
    agree = torch.where(silent, num_pixels - predicted, common)
    union = torch.where(silent, num_pixels, true + predicted - common)
    return agree.double() / union.double()


def frame_f_curves(score: Tensor, target: Tensor) -> FCurves:
    """F-score of every frame at the 255 thresholds, in one pass.

    With ``prediction = score >= threshold``, precision P and recall R,
    ``F = 1.3 P R / (0.3 P + R)``, which is ``1.3 TP / (0.3 T + Y)`` for TP
    common, T true and Y predicted pixels, and 0 without a common pixel.
    Pixels are counted by the number of thresholds that they reach; cumulative
    sums of this histogram are the counts at all thresholds. Memory grows with
    the number of pixels, not with pixels times thresholds.

    Args:
        score (Tensor): (N, H, W) float32 in [0, 1].
        target (Tensor): (N, H, W) bool.

    Returns:
        FCurves: On the device of ``score``.

    Raises:
        ValueError: If the shapes differ, ``target`` is not bool or ``score``
            is not float32.
    """
    _check_masks(score, target, dtype=torch.float32)
    num_frames, num_bins = len(score), NUM_THRESHOLDS + 1
    bins = _reached_thresholds(score).flatten(1)
    truth = target.flatten(1)
    # 32 bits suffice, and half of the memory takes half of the time.
    row = torch.arange(num_frames, dtype=torch.int32, device=score.device)
    row = row[:, None]
    # Histogram row 2n counts frame n's background, row 2n + 1 its object.
    index = (2 * row + truth) * num_bins + bins
    histogram = torch.bincount(
        index.flatten(), minlength=2 * num_frames * num_bins
    ).view(num_frames, 2, num_bins)
    return _curves(histogram)


def _reached_thresholds(score: Tensor) -> Tensor:
    """Count the thresholds that each pixel reaches: ``score >= threshold``.

    Equal to ``torch.bucketize(score, f_thresholds(), right=True)``, in a
    fraction of its time: the thresholds are evenly spaced, so only the nearest
    one needs a comparison. Rounding cannot affect the others, which are at
    least half a step away.

    Args:
        score (Tensor): (N, H, W) float32 in [0, 1].

    Returns:
        Tensor: (N, H, W) int32, 0..255.
    """
    last = NUM_THRESHOLDS - 1
    nearest = (score * last).add_(0.5).clamp_(0, last).int()
    thresholds = f_thresholds(score.device)
    compared = thresholds.index_select(0, nearest.flatten()).view_as(score)
    return nearest + (score >= compared)


def grey_value_f_curves(counts: Tensor) -> FCurves:
    """F-score of every frame at the 255 thresholds, from 8-bit scores.

    Equal to :func:`frame_f_curves` of ``value / 255``, without a pass over
    the pixels.

    Args:
        counts (Tensor): (N, 2, 256) number of pixels of each value, first of
            the background of the truth, then of the object; int64.

    Returns:
        FCurves: Of the N frames.
    """
    values = torch.arange(256, dtype=torch.float32) / 255
    bins = torch.bucketize(values, f_thresholds(), right=True)
    return _curves(torch.zeros_like(counts).index_add_(2, bins, counts))


def _curves(histogram: Tensor) -> FCurves:
    """F curves from (N, 2, 256) pixels that reach k thresholds."""
    # (N, 2, 256) -> pixels whose bin is above k, for k = 0..254
    reached = histogram.flip(-1).cumsum(-1).flip(-1)[..., 1:]
    true_positive = reached[:, 1].double()
    predicted = reached.sum(1).double()
    num_true = histogram[:, 1].sum(1).double()
    valid = num_true > 0
    # The clamp only matters for an empty truth: it makes 0 / 0 equal 0.
    curves = (1 + BETA_SQUARED) * true_positive
    curves /= (BETA_SQUARED * num_true[:, None] + predicted).clamp(
        min=BETA_SQUARED
    )
    return FCurves(curves, valid)


def _sigmoid(logit: Tensor) -> Tensor:
    """Sigmoid of float32 logits, with the same digits on every device.

    The exponential is computed in float64 and rounded; the rest is float32.
    """
    return 1 / (1 + torch.exp(-logit.double()).float())


def _check_logits(logits: Tensor) -> None:
    """Raise ValueError unless the logits are (N, 1 or 2, H, W)."""
    if logits.ndim != 4 or logits.shape[1] not in (1, 2):
        raise ValueError(
            'binary segmentation needs logits (N, 1, H, W) or (N, 2, H, W), '
            f'got {tuple(logits.shape)}.'
        )


def _check_masks(pred: Tensor, target: Tensor, *, dtype: torch.dtype) -> None:
    """Raise ValueError unless both are (N, H, W), of type dtype and bool."""
    if pred.ndim != 3 or pred.shape != target.shape:
        raise ValueError(
            'prediction and truth must have the same shape (N, H, W), got '
            f'{tuple(pred.shape)} and {tuple(target.shape)}.'
        )
    if pred.dtype != dtype or target.dtype != torch.bool:
        raise ValueError(
            f'prediction must be {dtype} and truth torch.bool, got '
            f'{pred.dtype} and {target.dtype}.'
        )

"""IoU and F-score per class, computed from pixel counts per frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .functional import BETA_SQUARED


class ClassAreas(NamedTuple):
    """Number of pixels of each of K classes in each of N frames.

    Attributes:
        common (np.ndarray): (N, K) int64, in prediction and truth.
        predicted (np.ndarray): (N, K) int64, in the prediction.
        true (np.ndarray): (N, K) int64, in the truth.
    """

    common: np.ndarray
    predicted: np.ndarray
    true: np.ndarray


class ClassScores(NamedTuple):
    """Scores of each of K classes over a data set.

    Attributes:
        iou (np.ndarray): (K,) float64 in [0, 1]; 0 for an absent class.
        f_score (np.ndarray): (K,) float64 in [0, 1]; 0 for an absent class.
        num_frames (np.ndarray): (K,) int64, number of frames with the class
            in the prediction or the truth.
    """

    iou: np.ndarray
    f_score: np.ndarray
    num_frames: np.ndarray


def count_class_areas(
    pred: Tensor, target: Tensor, *, num_classes: int
) -> ClassAreas:
    """Count the pixels of every class in every frame, in one pass.

    Args:
        pred (Tensor): (N, H, W) integer class ids, 0..K-1.
        target (Tensor): (N, H, W) integer class ids, on the same device.
        num_classes (int): K.

    Returns:
        ClassAreas: Of the N frames.

    Raises:
        ValueError: If the shapes differ or an id is not 0..K-1.
    """
    pairs = count_class_pairs(pred, target, num_classes=num_classes)
    return areas_of_pairs(pairs)


def areas_of_pairs(pairs: Tensor) -> ClassAreas:
    """Reduce confusion matrices to their diagonals, column and row sums.

    Args:
        pairs (Tensor): (N, K, K), see :func:`count_class_pairs`.

    Returns:
        ClassAreas: Of the N frames.
    """
    return ClassAreas(
        common=pairs.diagonal(dim1=1, dim2=2).cpu().numpy().copy(),
        predicted=pairs.sum(1).cpu().numpy(),
        true=pairs.sum(2).cpu().numpy(),
    )


def count_class_pairs(
    pred: Tensor, target: Tensor, *, num_classes: int
) -> Tensor:
    """Count the confusion matrix of every frame.

    Args:
        pred (Tensor): (N, H, W) integer class ids, 0..K-1.
        target (Tensor): (N, H, W) integer class ids, on the same device.
        num_classes (int): K.

    Returns:
        Tensor: (N, K, K) int64; row t, column p counts the pixels of true
        class t that are predicted as class p.

    Raises:
        ValueError: If the shapes differ or an id is not 0..K-1.
    """
    if pred.ndim != 3 or pred.shape != target.shape:
        raise ValueError(
            'prediction and truth must have the same shape (N, H, W), got '
            f'{tuple(pred.shape)} and {tuple(target.shape)}.'
        )
    for name, ids in (('prediction', pred), ('truth', target)):
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= num_classes:
            raise ValueError(
                f'{name} must hold class ids 0..{num_classes - 1}, got '
                f'{low}..{high}.'
            )
    num_frames = len(pred)
    frame = torch.arange(num_frames, device=pred.device)[:, None, None]
    pair = (frame * num_classes + target.long()) * num_classes + pred.long()
    return torch.bincount(
        pair.flatten(), minlength=num_frames * num_classes**2
    ).view(num_frames, num_classes, num_classes)


def class_iou_and_f(areas: ClassAreas) -> tuple[np.ndarray, np.ndarray]:
    """IoU and F-score (beta squared 0.3) from areas.

    F = 1.3 C / (0.3 T + P) for C common, T true and P predicted pixels. Both
    scores are 0 without a common pixel, also for an absent class, as
    published.

    Args:
        areas (ClassAreas): Of any shape, for example (N, K) or (K,).

    Returns:
        tuple[np.ndarray, np.ndarray]: IoU and F, float64 of that shape.
    """
    union = areas.predicted + areas.true - areas.common
    # The maximum only matters for an absent class: it makes 0 / 0 equal 0.
    iou = areas.common / np.maximum(union, 1)
    f_score = (1 + BETA_SQUARED) * areas.common
    f_score /= np.maximum(
        BETA_SQUARED * areas.true + areas.predicted, BETA_SQUARED
    )
    return iou, f_score


def frame_averaged_scores(
    areas: ClassAreas, *, num_padded: int = 0
) -> ClassScores:
    """Average the scores of each class over the frames that contain it.

    A frame contains a class if its prediction or its truth does. The sums
    are computed in the order of the frames, in float64.

    Args:
        areas (ClassAreas): (N, K) of all frames, in the order of the dataset.
        num_padded (int): Number of additional frames whose prediction and
            truth are all background (class 0).

    Returns:
        ClassScores: 0 for a class that is in no frame.
    """
    iou, f_score = (scores.sum(0) for scores in class_iou_and_f(areas))
    num_frames = _is_seen(areas).sum(0)
    iou[0] += num_padded
    f_score[0] += num_padded
    num_frames[0] += num_padded
    divisor = np.maximum(num_frames, 1)
    return ClassScores(iou / divisor, f_score / divisor, num_frames)


def dataset_scores(areas: ClassAreas) -> ClassScores:
    """Score each class on its pixels summed over all frames.

    Args:
        areas (ClassAreas): (N, K) of all frames.

    Returns:
        ClassScores: 0 for a class that is in no frame.
    """
    iou, f_score = class_iou_and_f(ClassAreas(*(a.sum(0) for a in areas)))
    return ClassScores(iou, f_score, _is_seen(areas).sum(0))


def frame_miou(areas: ClassAreas) -> np.ndarray:
    """Average the IoU of the classes in each frame's prediction or truth.

    Args:
        areas (ClassAreas): (N, K).

    Returns:
        np.ndarray: (N,) float64 in [0, 1].
    """
    iou, _ = class_iou_and_f(areas)
    return iou.sum(1) / _is_seen(areas).sum(1)


def _is_seen(areas: ClassAreas) -> np.ndarray:
    """Return which classes are in the prediction or the truth."""
    return (areas.predicted > 0) | (areas.true > 0)

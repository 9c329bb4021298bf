"""Degrade true masks to a given IoU, to simulate a first stage."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

#: Size of the regions with errors, as a fraction of the picture's side.
_BLOB_SHARE = 1 / 12
#: Distance from an outline, as a fraction of the picture's side, at which the
#: hardness of a pixel (see _hardness) is 1/2.
_OUTLINE_SHARE = 1 / 20
#: Steps of the search in _balance, whose result need not be exact.
_NUM_HALVINGS = 8


def error_field(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw a smooth random field that decides where errors occur.

    Args:
        size (tuple[int, int]): (h, w).
        rng (np.random.Generator): Random generator.

    Returns:
        np.ndarray: (h, w) float64 of mean 0 and variance 1. High values cause
        false positives, low values false negatives.
    """
    sigma = _BLOB_SHARE * max(size)
    field = gaussian_filter(rng.normal(size=size), sigma, mode='wrap')
    return (field - field.mean()) / field.std()


def degrade_mask(
    mask: np.ndarray, field: np.ndarray, *, iou: float
) -> np.ndarray:
    """Add errors to a mask until it has a given IoU with the truth.

    Pixels are flipped one by one, in descending order of the field's value
    divided by the pixel's hardness, which grows with its distance from an
    outline. Therefore outlines shift first. With lower IoU, parts or whole
    objects disappear and false regions appear; false positives and false
    negatives have about equal areas. Each flip lowers the IoU, so the result
    is as close as single pixels allow: to 1 / (2 * number of sounding pixels).

    A mask without sounding pixels is scored on the background, as in the
    metric (``AVSBinaryMetric``, protocol ``stepping_stones``): a fraction of
    1 - iou of the picture becomes false positive.

    Args:
        mask (np.ndarray): (h, w) bool, the truth.
        field (np.ndarray): (h, w), see :func:`error_field`.
        iou (float): IoU of the result, in [0, 1]; 1 gives the truth.

    Returns:
        np.ndarray: (h, w) bool.
    """
    hardness = _hardness(mask)
    push = field - _balance(mask, field, hardness, iou)
    push = np.where(mask, -push, push) / hardness
    order = np.argsort(-push, axis=None, kind='stable')
    reached = _iou_after_flips(mask.ravel()[order])
    num_flips = np.abs(reached - iou).argmin()
    degraded = mask.ravel().copy()
    degraded[order[:num_flips]] ^= True
    return degraded.reshape(mask.shape)


def _iou_after_flips(truth: np.ndarray) -> np.ndarray:
    """(n,) bool, in the order of flips -> (n + 1,) IoU after 0..n of them."""
    total = np.count_nonzero(truth)
    num_missed = np.concatenate([[0], np.cumsum(truth)])
    num_marked = np.concatenate([[0], np.cumsum(~truth)])
    if not total:
        return 1 - num_marked / truth.size
    return (total - num_missed) / (total + num_marked)


def _balance(
    mask: np.ndarray, field: np.ndarray, hardness: np.ndarray, iou: float
) -> float:
    """Find the level of the field at which both kinds of error balance.

    The field plus the weighted truth is thresholded so that the mask has as
    many pixels as the truth. The weight that gives the IoU is found by
    bisection: a higher weight of the truth gives a higher IoU.
    """
    num_silent = np.count_nonzero(~mask)
    if num_silent in (0, mask.size):
        return 0.0
    truth = np.where(mask, hardness, -hardness)
    low, high = 0.0, 1.0
    for _ in range(_NUM_HALVINGS):
        share = (low + high) / 2
        mixed = field + share / (1 - share) * truth
        level = np.partition(mixed, num_silent, axis=None)[num_silent]
        cut = mixed >= level
        reached = np.count_nonzero(cut & mask) / np.count_nonzero(cut | mask)
        low, high = (low, share) if reached > iou else (share, high)
    return float(level)


def _hardness(mask: np.ndarray) -> np.ndarray:
    """(h, w) in (0, 1]; grows with the distance from the outline."""
    if mask.all() or not mask.any():
        return np.ones(mask.shape)
    distance = np.where(
        mask, distance_transform_edt(mask), distance_transform_edt(~mask)
    )
    return distance / (distance + _OUTLINE_SHARE * max(mask.shape))

"""Masks that are as wrong as one asks for, as those of a first stage are."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

#: Size of the regions that are mistaken, as a share of the picture's side.
_BLOB_SHARE = 1 / 12
#: Distance from an outline, as a share of the picture's side, at which a
#: pixel is half as hard to mistake as one infinitely far away.
_OUTLINE_SHARE = 1 / 20
#: Steps of the search for a balance; it is about, the IoU is exact.
_NUM_HALVINGS = 8


def error_field(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw where a first stage errs: a smooth field of random blobs.

    Args:
        size (tuple[int, int]): (h, w).
        rng (np.random.Generator): What to draw from.

    Returns:
        np.ndarray: (h, w) float64 of mean 0 and variance 1. Where it is high,
        silent pixels are mistaken for sounding ones; where it is low,
        sounding ones for silent ones.
    """
    sigma = _BLOB_SHARE * max(size)
    field = gaussian_filter(rng.normal(size=size), sigma, mode='wrap')
    return (field - field.mean()) / field.std()


def degrade_mask(
    mask: np.ndarray, field: np.ndarray, *, iou: float
) -> np.ndarray:
    """Make errors until a mask has the wanted IoU with the truth.

    Pixels are flipped one by one, those first that the field pushes hardest
    for how far they lie from an outline. So outlines shift, and with lower
    IoU parts or whole objects go missing and regions appear where nothing
    sounds, about as many pixels here as there. Each flip lowers the IoU,
    which therefore is met as closely as single pixels allow: to
    1 / (2 * number of sounding pixels).

    A mask without sounding pixels has no IoU; as in the metric
    (``AVSBinaryMetric``, protocol ``stepping_stones``) its silent pixels
    count in their place, so a share of 1 - iou of the picture is marked.

    Args:
        mask (np.ndarray): (h, w) bool, the truth.
        field (np.ndarray): (h, w), see :func:`error_field`.
        iou (float): Wanted, in [0, 1]; 1 gives the truth.

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
    """Find the level of the field that marks as much as it misses.

    A mask of the size of the truth is cut out of the field plus the truth;
    the more the truth weighs, the higher their IoU.
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
    """(h, w) in (0, 1]: how hard a pixel is to mistake, by its outline."""
    if mask.all() or not mask.any():
        return np.ones(mask.shape)
    distance = np.where(
        mask, distance_transform_edt(mask), distance_transform_edt(~mask)
    )
    return distance / (distance + _OUTLINE_SHARE * max(mask.shape))

"""How much predicted masks depend on the sound, as pure functions.

A test split is predicted with the sound of its clips and with other sounds,
the conditions. All masks are compared with the labels of the clips' own
sound. Sources of the figures:

- FPR, G-mIoU, G-F and G-FPR: AVSBench-Robust
  (https://arxiv.org/abs/2502.00358); FPR is called pIA in visual
  sound-source localisation.
- AUC_N: visual sound-source localisation with negatives
  (https://arxiv.org/abs/2410.01020).
- Null score S: Ref-AVS (https://arxiv.org/abs/2407.10957).

Reimplemented, no code taken. ``docs/metrics.md`` has an example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmavs.datasets.sound_conditions import ORIGINAL

#: Conditions over which the G figures average.
NEGATIVES = ('silence', 'noise', 'offscreen')
#: A clip counts as empty below 1 / 1000 of its pixels.
_EMPTY_PIXELS = 1000
#: Thresholds of AUC_N: i / 20 for i = 1 to 20.
_NUM_THRESHOLDS = 20


@dataclass(frozen=True)
class PredictedArea:
    """Predicted pixels of one clip.

    Attributes:
        frames (tuple[int, ...]): Pixels predicted as sounding in each of the
            T frames.
        frame_pixels (int): Pixels H * W of a frame.
    """

    frames: tuple[int, ...]
    frame_pixels: int

    @property
    def predicted(self) -> int:
        """Predicted pixels of all frames."""
        return sum(self.frames)

    @property
    def pixels(self) -> int:
        """Pixels of all frames."""
        return len(self.frames) * self.frame_pixels


def false_positive_rate(clips: Sequence[PredictedArea]) -> float:
    """Compute FPR, the mean share of a frame that is predicted.

    Args:
        clips (Sequence[PredictedArea]): At least one.

    Returns:
        float: Mean over all frames, in [0, 1].
    """
    shares = [area / c.frame_pixels for c in clips for area in c.frames]
    return float(np.mean(shares))


def null_score(clips: Sequence[PredictedArea]) -> float:
    """Compute S, the mean over clips of sqrt(share of predicted pixels).

    Args:
        clips (Sequence[PredictedArea]): At least one.

    Returns:
        float: In [0, 1].
    """
    return float(np.mean([(c.predicted / c.pixels) ** 0.5 for c in clips]))


def empty_share(clips: Sequence[PredictedArea]) -> float:
    """Compute EMPTY, the share of clips with (almost) no predicted pixel.

    Args:
        clips (Sequence[PredictedArea]): At least one.

    Returns:
        float: Share of clips with less than 0.1 % predicted pixels.
    """
    return float(
        np.mean([_EMPTY_PIXELS * c.predicted < c.pixels for c in clips])
    )


def negative_auc(clips: Sequence[PredictedArea]) -> float:
    """Compute AUC_N, the area under the share of clips with a small mask.

    The mean over i = 1 to 20 of the share of clips whose share of predicted
    pixels is at most i / 20. The published code integrates by trapezoids and
    includes i = 0.

    Args:
        clips (Sequence[PredictedArea]): At least one.

    Returns:
        float: In [0.05, 1]; 1 if all clips have at most 5 %.
    """
    return float(
        np.mean(
            [
                # Whole numbers, so that a share of exactly i / 20 counts.
                _NUM_THRESHOLDS * clip.predicted <= i * clip.pixels
                for i in range(1, _NUM_THRESHOLDS + 1)
                for clip in clips
            ]
        )
    )


def area_figures(clips: Sequence[PredictedArea]) -> dict[str, float]:
    """Compute all figures that need the predicted pixels alone.

    Args:
        clips (Sequence[PredictedArea]): At least one.

    Returns:
        dict[str, float]: ``FPR``, ``S``, ``EMPTY`` and ``AUC_N``.
    """
    return dict(
        FPR=false_positive_rate(clips),
        S=null_score(clips),
        EMPTY=empty_share(clips),
        AUC_N=negative_auc(clips),
    )


def mask_consistency(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute the IoU of two predictions of the same frames.

    Args:
        first (np.ndarray): (T, H, W) bool.
        second (np.ndarray): (T, H, W) bool.

    Returns:
        np.ndarray: (T,) float64 in [0, 1]; 1 where both are empty.

    Raises:
        ValueError: If the shapes differ or the type is not bool.
    """
    if first.shape != second.shape or {first.dtype, second.dtype} != {
        np.dtype(bool)
    }:
        raise ValueError(
            'expected two predictions of one shape (T, H, W), bool, got '
            f'{first.shape} {first.dtype} and {second.shape} {second.dtype}.'
        )
    union = (first | second).sum((1, 2))
    common = (first & second).sum((1, 2))
    return np.where(union > 0, common / np.maximum(union, 1), 1.0)


def harmonic_score(positive: float, negative: float) -> float:
    """Combine a score with true sound and one with negatives, as G does.

    Args:
        positive (float): Score P with the clips' own sound, in [0, 1].
        negative (float): Mean score N of the negatives, in [0, 1].

    Returns:
        float: Harmonic mean 2 P (1 - N) / (P + 1 - N) of P and 1 - N; 0 if
        both are 0.
    """
    rest = 1 - negative
    if positive + rest == 0:
        return 0.0
    return 2 * positive * rest / (positive + rest)


def summarise(
    conditions: Mapping[str, Mapping[str, float]],
) -> dict[str, float]:
    """Compute the G figures over silence, noise and off-screen sound.

    Args:
        conditions (Mapping[str, Mapping[str, float]]): Figures by condition;
            ``original`` and all of ``NEGATIVES`` with ``FPR`` and, for every
            protocol, ``<protocol>/mIoU`` and ``<protocol>/F``.

    Returns:
        dict[str, float]: ``<protocol>/G-mIoU`` and ``<protocol>/G-F`` of
        every protocol, and ``G-FPR``.

    Raises:
        ValueError: If a condition is missing.
    """
    missing = [c for c in (ORIGINAL, *NEGATIVES) if c not in conditions]
    if missing:
        raise ValueError(
            f'the G figures need the conditions {(ORIGINAL, *NEGATIVES)}, '
            f'{missing} missing; test them too.'
        )

    def mean(name: str) -> float:
        return float(np.mean([conditions[c][name] for c in NEGATIVES]))

    figures = {}
    for name, value in conditions[ORIGINAL].items():
        protocol, _, score = name.rpartition('/')
        if protocol and score in ('mIoU', 'F'):
            figures[f'{protocol}/G-{score}'] = harmonic_score(
                value, mean(name)
            )
    figures['G-FPR'] = mean('FPR')
    return figures

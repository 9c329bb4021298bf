"""Frames and sound that are given as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..video import VideoFacts

#: Frames (one per second), waveform and samples per second.
FramesAndSound = tuple[Sequence[np.ndarray] | np.ndarray, np.ndarray, int]


def check_clip(
    frames: Sequence[np.ndarray] | np.ndarray,
    waveform: np.ndarray,
    sample_rate: int,
) -> None:
    """Check the form of frames and sound.

    Args:
        frames (Sequence[np.ndarray] | np.ndarray): T times (H, W, 3) uint8,
            RGB, one per second.
        waveform (np.ndarray): (S,) floats in [-1, 1].
        sample_rate (int): Samples per second.

    Raises:
        ValueError: If they have another form, or frames have no sound.
    """
    shapes = {(frame.shape, str(frame.dtype)) for frame in frames}
    shape, dtype = next(iter(shapes), ((), ''))
    if len(shapes) != 1 or shape[2:] != (3,) or dtype != 'uint8':
        raise ValueError(
            'expected at least one frame, all (H, W, 3) uint8 of one size, '
            f'got {sorted(shapes)}.'
        )
    if waveform.ndim != 1 or waveform.dtype.kind != 'f':
        raise ValueError(
            'expected a mono waveform (S,) of floats in [-1, 1], got '
            f'{waveform.shape} {waveform.dtype}; take the mean of the '
            'channels and divide 16-bit samples by 32768.'
        )
    seconds = len(waveform) / sample_rate
    if not len(frames) - 1 < seconds:
        raise ValueError(
            f'expected sound for each of the {len(frames)} frames, one per '
            f'second, got {seconds:.2f} s.'
        )


def clip_facts(
    frames: Sequence[np.ndarray] | np.ndarray,
    waveform: np.ndarray,
    sample_rate: int,
) -> VideoFacts:
    """Describe frames and sound as a video of one frame per second.

    Args:
        frames (Sequence[np.ndarray] | np.ndarray): See :func:`check_clip`.
        waveform (np.ndarray): See the same.
        sample_rate (int): Samples per second.

    Returns:
        VideoFacts: With the path ``clip``, which does not exist.
    """
    height, width = frames[0].shape[:2]
    return VideoFacts(
        path=Path('clip'),
        height=height,
        width=width,
        fps=1.0,
        peak_fps=1.0,
        num_frames=len(frames),
        num_seconds=len(frames),
        duration=float(len(frames)),
        rotation=0,
        sound_codec=None,
        sound_rate=sample_rate,
        sound_seconds=min(len(waveform) / sample_rate, len(frames)),
        start=Fraction(0),
    )

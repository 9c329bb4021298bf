"""The log-mel of a whole sound track, for pictures."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import resample_poly

from ..datasets.log_mel import (
    MIN_SAMPLES,
    NUM_MEL_BANDS,
    NUM_MEL_FRAMES,
    SAMPLE_RATE,
    STEP_SECONDS,
    log_mel_examples,
)

#: About the width of the picture in pixels.
_MAX_COLUMNS = 1200
#: Examples that are computed together.
_NUM_EXAMPLES = 32


def log_mel_picture(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Compute the log-mel of a sound of any length in parts.

    Args:
        waveform (np.ndarray): (S,) floats in [-1, 1].
        sample_rate (int): Samples per second.

    Returns:
        np.ndarray: (F, 64); F is at most 1200, each column the mean of an
        equal part of the sound.
    """
    seconds = len(waveform) / sample_rate
    num_parts = int(np.ceil(seconds / (STEP_SECONDS * _NUM_EXAMPLES)))
    mel_seconds = STEP_SECONDS / NUM_MEL_FRAMES
    group = max(int(np.ceil(seconds / mel_seconds / _MAX_COLUMNS)), 1)
    columns: list[np.ndarray] = []
    for part in range(num_parts):
        start = part * STEP_SECONDS * _NUM_EXAMPLES
        end = start + STEP_SECONDS * _NUM_EXAMPLES
        own = waveform[round(start * sample_rate) : round(end * sample_rate)]
        samples = _resample(own.astype(np.float64), sample_rate)
        num_mel = int(np.ceil(len(samples) / SAMPLE_RATE / mel_seconds))
        # The last example is complete with the silence that follows.
        size = -(-num_mel // NUM_MEL_FRAMES) * NUM_MEL_FRAMES * 160
        padded = np.zeros(size + MIN_SAMPLES)
        padded[: len(samples)] = samples
        mel = log_mel_examples(padded).reshape(-1, NUM_MEL_BANDS)
        columns.append(mel[:num_mel])
    mel = np.concatenate(columns)
    bounds = np.arange(0, len(mel), group)
    sums = np.add.reduceat(mel, bounds, axis=0)
    counts = np.diff(np.r_[bounds, len(mel)])
    return sums / counts[:, None]


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Resample (S,) to 16 kHz.

    The input of networks is resampled as in the published code, which takes
    about ten times as long; no difference is visible in a picture.
    """
    divisor = math.gcd(rate, SAMPLE_RATE)
    return resample_poly(samples, SAMPLE_RATE // divisor, rate // divisor)

"""Synthesised timbres of the synthetic classes.

Every timbre takes ``(rng, seconds)``, where ``seconds`` (S,) are the times of
the samples, and returns (S,) floats of any level. Pitch and tempo vary from
clip to clip within a range that depends on the timbre. Every timbre repeats
within half a second, so that each second of sound identifies it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

SAMPLE_RATE = 16000

Timbre = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def bowed(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Twelve harmonics with vibrato."""
    pitch = rng.uniform(280, 400)
    vibrato = 0.012 / 5.5 * np.sin(2 * np.pi * 5.5 * seconds)
    phase = 2 * np.pi * pitch * (seconds + vibrato / (2 * np.pi))
    order = np.arange(1, 13)[:, None]
    return (np.sin(order * phase) / order).sum(0)


def chirps(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Short whistles that rise from about 3.5 to 5.5 kHz, 6 a second."""
    period, length = rng.uniform(0.15, 0.18), 0.07
    local = (seconds + rng.uniform(0, period)) % period
    start = rng.uniform(3200, 3800)
    phase = 2 * np.pi * (start * local + 1e3 / length * local**2)
    return np.sin(phase) * _bump(local, length)


def rotor(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Noise below 350 Hz in 11 thuds a second."""
    low = signal.butter(4, 350, 'low', fs=SAMPLE_RATE, output='sos')
    noise = signal.sosfilt(low, rng.normal(size=len(seconds)))
    thuds = np.sin(np.pi * rng.uniform(10, 12) * seconds) ** 4
    return noise * (0.15 + thuds)


def struck(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Three inharmonic partials, struck every 0.3 s and decaying."""
    period = rng.uniform(0.28, 0.34)
    local = (seconds + rng.uniform(0, period)) % period
    pitch = rng.uniform(850, 1000)
    partials = sum(
        np.sin(2 * np.pi * pitch * ratio * local) * np.exp(-local * decay)
        for ratio, decay in ((1, 6), (2.76, 9), (5.4, 14))
    )
    return partials * np.minimum(local / 0.002, 1)


def siren(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """A tone that wails between about 600 and 1300 Hz, twice a second."""
    rate, swing = rng.uniform(1.8, 2.2), rng.uniform(300, 380)
    middle = rng.uniform(900, 1000)
    wail = np.sin(2 * np.pi * rate * seconds + rng.uniform(0, 6.28))
    phase = 2 * np.pi * middle * seconds - swing / rate * wail
    return np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase)


def barks(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Bursts of noise between 500 and 2500 Hz, 4 a second."""
    band = signal.butter(
        3, (500, 2500), 'bandpass', fs=SAMPLE_RATE, output='sos'
    )
    noise = signal.sosfilt(band, rng.normal(size=len(seconds)))
    period = rng.uniform(0.23, 0.27)
    local = (seconds + rng.uniform(0, period)) % period
    return noise * _bump(local, 0.13)


def ticks(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Clicks above 2 kHz, 9 a second."""
    high = signal.butter(4, 2000, 'high', fs=SAMPLE_RATE, output='sos')
    noise = signal.sosfilt(high, rng.normal(size=len(seconds)))
    period = rng.uniform(0.1, 0.12)
    local = (seconds + rng.uniform(0, period)) % period
    return noise * np.exp(-local / 0.004)


def breath(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """One sine above 1.5 kHz that trembles, on faint noise."""
    tone = np.sin(2 * np.pi * rng.uniform(1600, 1900) * seconds)
    tremble = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(6, 8) * seconds)
    return tone * tremble + 0.02 * rng.normal(size=len(seconds))


def level(sound: np.ndarray, loudness: float) -> np.ndarray:
    """Scale a sound to a loudness, or less if its peaks would exceed 0.3.

    Args:
        sound (np.ndarray): (S,).
        loudness (float): Target root mean square.

    Returns:
        np.ndarray: (S,); the sum of three such sounds is within [-1, 1].
    """
    rms = np.sqrt(np.mean(sound**2))
    return sound * min(loudness / rms, 0.3 / np.abs(sound).max())


def _bump(local: np.ndarray, length: float) -> np.ndarray:
    """Half a sine over the first ``length`` seconds, then 0."""
    return np.where(local < length, np.sin(np.pi * local / length), 0)

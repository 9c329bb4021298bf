"""Mix the sounds of a picture of VPO."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmavs.datasets.log_mel import SAMPLE_RATE, decode_channels, resample
from mmavs.datasets.vpo import SOUND_SECONDS


class Source(NamedTuple):
    """A sound of a picture.

    Attributes:
        name (str): Class.
        path (Path): Wav file of VGGSound.
        position (float | None): 0 (left) to 1 (right); None if unknown.
    """

    name: str
    path: Path
    position: float | None


def mix_sounds(sources: Sequence[Source], *, stereo: bool) -> np.ndarray:
    """Mix the middle 3 seconds of the sounds of a picture.

    A source at position p has the weights 1 - p (left) and p (right). Follows
    CAVP@135feb1 ``dataset/vpo_stereo``; no code taken. A sound shorter than
    3 s is repeated from its start; CAVP's code repeats a part of it.

    Args:
        sources (Sequence[Source]): What sounds.
        stereo (bool): Two channels instead of one.

    Returns:
        np.ndarray: (S, C) float64 at 16 kHz, the sum, not limited to [-1, 1].

    Raises:
        ValueError: If a sound cannot be decoded.
    """
    num_samples = SOUND_SECONDS * SAMPLE_RATE
    mixed = np.zeros((num_samples, 2 if stereo else 1))
    for source in sources:
        try:
            channels, rate = decode_channels(source.path.read_bytes())
        except ValueError as error:
            raise ValueError(f'{source.path}: {error}.') from error
        samples = resample(channels.mean(axis=1), rate, SAMPLE_RATE)
        start = max(len(samples) - num_samples, 0) // 2
        # Repeats the samples as often as needed.
        samples = np.resize(samples[start : start + num_samples], num_samples)
        if stereo:
            assert source.position is not None
            weights = np.array([1 - source.position, source.position])
            mixed += samples[:, None] * weights
        else:
            mixed += samples[:, None]
    return mixed

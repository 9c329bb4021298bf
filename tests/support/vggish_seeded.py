"""Seeded sounds and VGGish weights, equal on both sides of a parity check.

Everything is drawn by numpy's ``RandomState``, whose streams numpy has frozen,
so the expected numbers in ``tests/data/vggish`` stay valid.
"""

import zlib
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

FIXTURE = Path(__file__).parents[1] / 'data' / 'vggish' / 'expected.npz'
#: Every so many entries of a log-mel are kept in the fixture.
LOG_MEL_STRIDE = 61

#: name: (seed, rate, channels, seconds, subtype, suffix).
SOUNDS = {
    'mono_16k': (1, 16000, 1, 5.0, 'PCM_16', 'wav'),
    'stereo_48k': (2, 48000, 2, 10.0, 'PCM_16', 'wav'),
    'flac24_44k': (3, 44100, 2, 5.02, 'PCM_24', 'flac'),
}


def write_sound(name: str, folder: Path) -> Path:
    """Write one of ``SOUNDS``: a rising tone, noise, and a silent part."""
    seed, rate, num_channels, seconds, subtype, suffix = SOUNDS[name]
    rng = np.random.RandomState(seed)
    num_samples = round(rate * seconds)
    time = np.arange(num_samples)[:, None] / rate
    start = rng.uniform(100, 400, num_channels)
    signal = 0.4 * np.sin(2 * np.pi * (start + 300 * time) * time)
    signal += 0.1 * rng.uniform(-1, 1, signal.shape)
    signal *= np.linspace(0.01, 1, num_samples)[:, None]
    signal[num_samples // 3 : num_samples // 2] = 0
    bits = int(subtype[-2:])
    # libsndfile takes the upper bits of 32-bit integers.
    integers = np.round(signal * (2 ** (bits - 1) - 1)).astype(np.int32)
    path = folder / f'{name}.{suffix}'
    soundfile.write(path, integers << (32 - bits), rate, subtype=subtype)
    return path


def seed_weights(state_dict: dict[str, Tensor]) -> None:
    """Fill weights in place; each depends on its own name and shape alone."""
    for name, tensor in state_dict.items():
        rng = np.random.RandomState(zlib.crc32(name.encode()))
        fan_in = tensor[0].numel()
        bound = 0.1 if name.endswith('bias') else (6 / fan_in) ** 0.5
        for row in tensor if tensor.dim() > 1 else tensor[None]:
            drawn = rng.uniform(-bound, bound, row.shape)
            row.copy_(torch.from_numpy(drawn))

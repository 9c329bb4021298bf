"""Seeded weights for the published TPAVI, equal on both sides of a check.

Every tensor is drawn from a seed made of its own name, see ``aavs_seeded``.
"""

import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from support.aavs_seeded import load_keys

DATA_DIR = Path(__file__).parents[1] / 'data' / 'tpavi'


def published_keys(backbone: str, task: str) -> dict[str, tuple[int, ...]]:
    """Read names and shapes of a published checkpoint.

    Args:
        backbone (str): ``'r50'`` or ``'pvtv2-b5'``.
        task (str): ``'s4'`` and ``'ms3'``, which are equal, or ``'avss'``.

    Returns:
        dict[str, tuple[int, ...]]: Shape of every tensor.
    """
    layout = 'avss' if task == 'avss' else 'binary'
    return load_keys(DATA_DIR / f'{backbone}_{layout}_keys.json')


def seeded_state_dict(keys: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Draw weights for a published checkpoint's names.

    Args:
        keys (dict[str, tuple[int, ...]]): Shape of every tensor.

    Returns:
        dict[str, Tensor]: float32, but for counters.
    """
    return {name: _draw(name, shape) for name, shape in keys.items()}


def _draw(name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith('num_batches_tracked'):
        return torch.tensor(7)
    low, high = _bounds(name, shape)
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    values = rng.uniform(low, high, shape)
    return torch.from_numpy(values.astype(np.float32))


def _bounds(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Range that keeps every branch of the network at work."""
    if name.endswith('running_var'):
        return 0.5, 1.5
    if name.endswith(('bias', 'running_mean')):
        return -0.1, 0.1
    if len(shape) == 1:
        # The norm that ends a residual branch: small, or fifty blocks add up.
        return (0.2, 0.4) if '.bn3.' in name else (0.8, 1.2)
    half = (3.0 / np.prod(shape[1:])) ** 0.5  # keeps the variance
    return -half, half

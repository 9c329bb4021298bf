"""Random states of a process, as plain data and tensors."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def get_random_state() -> dict[str, Any]:
    """Read the random states of Python, numpy and torch.

    Returns:
        dict[str, Any]: Only types that ``weights_only`` loading accepts:
        numbers, tuples and tensors. ``cuda`` (the current device) is present
        if CUDA is available.
    """
    numpy_state: Any = np.random.get_state()
    name, keys, position, has_gauss, gauss = numpy_state
    state: dict[str, Any] = dict(
        python=random.getstate(),
        numpy=(name, keys.tolist(), position, has_gauss, gauss),
        torch=torch.get_rng_state(),
    )
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Restore the states that :func:`get_random_state` read.

    Args:
        state (dict[str, Any]): Its tensors may be on any device. A ``cuda``
            state is ignored on a machine without CUDA.
    """
    random.setstate(state['python'])
    name, keys, position, has_gauss, gauss = state['numpy']
    np.random.set_state(
        (name, np.asarray(keys, dtype=np.uint32), position, has_gauss, gauss)
    )
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())

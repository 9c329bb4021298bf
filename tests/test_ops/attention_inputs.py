"""Inputs for the tests of multi-scale deformable attention."""

import torch
from torch import Tensor

LEVELS = ((4, 5), (2, 3), (7, 6))
NUM_ROWS = 4 * 5 + 2 * 3 + 7 * 6


def random_inputs(
    channels: int = 32,
    dtype: torch.dtype = torch.float32,
    num_queries: int = 11,
    num_frames: int = 2,
    seed: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Value, locations from -0.2 to 1.2, and weights; 3 heads, 4 points."""
    generator = torch.Generator().manual_seed(seed)
    points = (num_frames, num_queries, 3, len(LEVELS), 4)
    value = torch.randn(num_frames, NUM_ROWS, 3, channels, generator=generator)
    locations = torch.rand(*points, 2, generator=generator) * 1.4 - 0.2
    weights = torch.rand(points, generator=generator)
    return value.to(dtype), locations.to(dtype), weights.to(dtype)


def relative_error(result: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    difference = result.double().cpu() - expected.double().cpu()
    return (difference.norm() / expected.double().norm().cpu()).item()

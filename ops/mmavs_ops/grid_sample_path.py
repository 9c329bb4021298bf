"""Multi-scale deformable attention with PyTorch's operators.

Used on devices without a compiled kernel, and as reference for the kernels.
Both functions run below autograd, so the gradient is implemented explicitly.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F


def read_levels(
    spatial_shapes: Tensor, level_start_index: Tensor, num_rows: int
) -> list[tuple[int, int, int]]:
    """Read and check the tables of levels.

    Args:
        spatial_shapes (Tensor): (L, 2), (H, W) of each level.
        level_start_index (Tensor): (L, ), first row of each level.
        num_rows (int): S, the rows of ``value``.

    Returns:
        list[tuple[int, int, int]]: (start, H, W) of each level.

    Raises:
        ValueError: If the levels do not add up to S or the starts are not
            the running sum of the sizes.
    """
    shapes = [(int(h), int(w)) for h, w in spatial_shapes.tolist()]
    starts = level_start_index.tolist()
    total = 0
    levels = []
    expected = []
    for height, width in shapes:
        levels.append((total, height, width))
        expected.append(total)
        total += height * width
    if total != num_rows or any(min(size) < 1 for size in shapes):
        raise ValueError(
            f'spatial_shapes must add up to the S={num_rows} rows of value, '
            f'every side at least 1, got {shapes} with {total} rows.'
        )
    if starts != expected:
        raise ValueError(
            'level_start_index must be the running sum of H * W, '
            f'{expected} for spatial_shapes {shapes}, got {starts}.'
        )
    return levels


def _sampled_levels(
    value: Tensor,
    levels: list[tuple[int, int, int]],
    locations: Tensor,
    weights: Tensor,
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Yield maps (NM, D, H, W), grid, samples (NM, D, Q, P) and weights."""
    num_frames, _, num_heads, channels = value.shape
    for index, (start, height, width) in enumerate(levels):
        maps = value[:, start : start + height * width]
        # (N, HW, M, D) -> (NM, D, H, W)
        maps = maps.permute(0, 2, 3, 1).reshape(
            num_frames * num_heads, channels, height, width
        )
        # (N, Q, M, P, 2) -> (NM, Q, P, 2)
        grid = locations[:, :, :, index].transpose(1, 2).flatten(0, 1)
        grid = 2 * grid - 1
        weight = weights[:, :, :, index].transpose(1, 2).flatten(0, 1)
        samples = F.grid_sample(
            maps,
            grid,
            mode='bilinear',
            padding_mode='zeros',
            align_corners=False,
        )
        yield maps, grid, samples, weight[:, None]


def _widened(*tensors: Tensor) -> list[Tensor]:
    """Convert to float32, except for float64."""
    return [
        tensor if tensor.dtype == torch.float64 else tensor.float()
        for tensor in tensors
    ]


def forward_pytorch(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
) -> Tensor:
    """Compute the operator with ``grid_sample``.

    Args:
        value (Tensor): (N, S, M, D).
        spatial_shapes (Tensor): (L, 2), (H, W) of each level.
        level_start_index (Tensor): (L, ), first row of each level.
        sampling_locations (Tensor): (N, Q, M, L, P, 2), (x, y).
        attention_weights (Tensor): (N, Q, M, L, P).

    Returns:
        Tensor: (N, Q, M * D) in the dtype of ``value``.

    Raises:
        ValueError: If the levels do not add up to S.
    """
    num_frames, num_rows, num_heads, channels = value.shape
    num_queries = sampling_locations.shape[1]
    levels = read_levels(spatial_shapes, level_start_index, num_rows)
    wide, locations, weights = _widened(
        value, sampling_locations, attention_weights
    )
    output = wide.new_zeros(num_frames * num_heads, channels, num_queries)
    for _, grid, samples, weight in _sampled_levels(
        wide, levels, locations, weights
    ):
        # At other positions grid_sample gives NaN on the CPU, zero on CUDA.
        found = grid.isfinite().all(-1)[:, None]
        output += (samples * weight.where(found, torch.nan)).sum(-1)
    # (NM, D, Q) -> (N, Q, MD)
    output = output.view(num_frames, num_heads * channels, num_queries)
    return output.transpose(1, 2).to(value.dtype).contiguous()


def backward_pytorch(
    grad_output: Tensor,
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of :func:`forward_pytorch`.

    Args:
        grad_output (Tensor): (N, Q, M * D).
        value (Tensor): (N, S, M, D).
        spatial_shapes (Tensor): (L, 2), (H, W) of each level.
        level_start_index (Tensor): (L, ), first row of each level.
        sampling_locations (Tensor): (N, Q, M, L, P, 2), (x, y).
        attention_weights (Tensor): (N, Q, M, L, P).

    Returns:
        tuple[Tensor, Tensor, Tensor]: Gradients of value, locations and
        weights, each in the shape and dtype of its tensor.
    """
    num_frames, num_rows, num_heads, channels = value.shape
    num_queries = sampling_locations.shape[1]
    levels = read_levels(spatial_shapes, level_start_index, num_rows)
    wide, locations, weights, grad = _widened(
        value, sampling_locations, attention_weights, grad_output
    )
    # (N, Q, MD) -> (NM, D, Q, 1)
    grad = grad.transpose(1, 2).reshape(-1, channels, num_queries, 1)
    grad_value = []
    grad_locations = torch.empty_like(
        locations, memory_format=torch.contiguous_format
    )
    grad_weights = torch.empty_like(
        weights, memory_format=torch.contiguous_format
    )
    split = (num_frames, num_heads)
    for index, (maps, grid, samples, weight) in enumerate(
        _sampled_levels(wide, levels, locations, weights)
    ):
        grad_weight = (samples * grad).sum(1)
        grad_weights[:, :, :, index] = grad_weight.unflatten(
            0, split
        ).transpose(1, 2)
        grad_maps, grad_grid = torch.ops.aten.grid_sampler_2d_backward(
            grad * weight, maps, grid, 0, 0, False, [True, True]
        )
        # The grid spans [-1, 1] where a location spans [0, 1].
        grad_locations[:, :, :, index] = 2 * grad_grid.unflatten(
            0, split
        ).transpose(1, 2)
        # (NM, D, H, W) -> (N, HW, M, D)
        grad_maps = grad_maps.flatten(2).unflatten(0, split)
        grad_value.append(grad_maps.permute(0, 3, 1, 2))
    return (
        torch.cat(grad_value, 1).to(value.dtype).contiguous(),
        grad_locations.to(sampling_locations.dtype),
        grad_weights.to(attention_weights.dtype),
    )

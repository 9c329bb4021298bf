"""Multi-scale deformable attention as a PyTorch operator.

The formula is equation 3 of Deformable DETR
(https://arxiv.org/abs/2010.04159): every query samples, per head and level,
the value map at a few fractional positions and computes a weighted sum.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmavs_ops.functorch import AttentionFunction
from mmavs_ops.registration import compiled_devices

__all__ = ['compiled_devices', 'ms_deform_attn']

_FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_HALVES = (torch.float16, torch.bfloat16)
_INTS = (torch.int32, torch.int64)


def ms_deform_attn(
    value: Tensor,
    spatial_shapes: Tensor | Sequence[Sequence[int]],
    level_start_index: Tensor | Sequence[int] | None,
    sampling_locations: Tensor,
    attention_weights: Tensor,
) -> Tensor:
    """Sample value maps at fractional positions and sum them, weighted.

    ``output[n, q, m] = sum over l, p of attention_weights[n, q, m, l, p] *
    bilinear(value[n, level l, m], sampling_locations[n, q, m, l, p])``. A
    location (x, y) is at pixel ``(x * W_l - 0.5, y * H_l - 0.5)``. Values
    outside of a map are zero. A location that is NaN or infinite makes the
    output of its query and head NaN. Letters: N frames, S = sum of H_l * W_l,
    M heads, D channels per head, Q queries, L levels, P points.

    Half-precision values are multiplied and added in float32. Arguments need
    not be contiguous. The operator has first derivatives with respect to
    ``value``, ``sampling_locations`` and ``attention_weights``.

    Args:
        value (Tensor): (N, S, M, D), float32, float64, float16 or bfloat16;
            the levels are concatenated, each in row-major order.
        spatial_shapes (Tensor | Sequence[Sequence[int]]): (L, 2), the (H, W)
            of each level in pixels. A sequence or a tensor on the CPU needs
            no copy between devices.
        level_start_index (Tensor | Sequence[int] | None): (L, ), the first
            row of each level in ``value``: 0, H_0*W_0, H_0*W_0 + H_1*W_1, ...
            None computes it.
        sampling_locations (Tensor): (N, Q, M, L, P, 2), (x, y) with 0 and 1
            at the outer borders of a map. Dtype of ``value``, or float32 for
            half-precision values.
        attention_weights (Tensor): (N, Q, M, L, P). Dtype as for the
            locations.

    Returns:
        Tensor: (N, Q, M * D) in the dtype of ``value``.

    Raises:
        ValueError: If a shape, dtype or device is wrong, or the levels do not
            add up to S. Tables on a CUDA device are not copied to the host:
            the kernel checks them, and fills the output with NaN if they are
            wrong.
        TypeError: If an argument that must be a tensor is not a tensor.
    """
    sampling_locations, attention_weights = _under_autocast(
        value, sampling_locations, attention_weights
    )
    _check_tensors(value, sampling_locations, attention_weights)
    num_levels = sampling_locations.shape[3]
    shapes = _shape_table(spatial_shapes, value, num_levels)
    starts = _start_table(level_start_index, spatial_shapes, shapes, value)
    # Locations and weights share one dtype in the kernels.
    if sampling_locations.dtype != attention_weights.dtype:
        sampling_locations = sampling_locations.float()
        attention_weights = attention_weights.float()
    args = (value, shapes, starts, sampling_locations, attention_weights)
    if not torch.compiler.is_compiling() and (
        torch._C._are_functorch_transforms_active()
    ):
        return AttentionFunction.apply(*args)
    return torch.ops.mmavs_ops.ms_deform_attn(*args)


def _under_autocast(
    value: Tensor, locations: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Under autocast, dtypes may differ; positions stay in float32."""
    if not isinstance(value, Tensor):
        return locations, weights
    if value.dtype == torch.float64 or not torch.is_autocast_enabled(
        value.device.type
    ):
        return locations, weights
    if locations.dtype != value.dtype:
        locations = locations.float()
    if weights.dtype != value.dtype:
        weights = weights.float()
    return locations, weights


def _check_tensors(value: Tensor, locations: Tensor, weights: Tensor) -> None:
    """Check type, shape, dtype and device of the three float tensors."""
    named = {
        'value': (value, 'N, S, M, D'),
        'sampling_locations': (locations, 'N, Q, M, L, P, 2'),
        'attention_weights': (weights, 'N, Q, M, L, P'),
    }
    for name, (tensor, letters) in named.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f'{name} must be a tensor ({letters}), got '
                f'{type(tensor).__name__}.'
            )
        if tensor.dim() != letters.count(',') + 1:
            raise ValueError(
                f'{name} must be ({letters}), got {tuple(tensor.shape)}.'
            )
        if tensor.device != value.device:
            raise ValueError(
                f'{name} must be on the device of value, {value.device}, got '
                f'{tensor.device}.'
            )
    _check_dtypes(value, locations, weights)
    num_frames, _, num_heads, _ = value.shape
    _, num_queries, _, num_levels, num_points, _ = locations.shape
    expected = (num_frames, num_queries, num_heads, num_levels, num_points)
    if tuple(locations.shape) != (*expected, 2):
        raise ValueError(
            'sampling_locations must be (N, Q, M, L, P, 2) with N='
            f'{num_frames} and M={num_heads} as in value '
            f'{tuple(value.shape)}, got {tuple(locations.shape)}.'
        )
    if tuple(weights.shape) != expected:
        raise ValueError(
            f'attention_weights must be {expected}, that is '
            'sampling_locations without its last dimension, got '
            f'{tuple(weights.shape)}.'
        )


def _check_dtypes(value: Tensor, locations: Tensor, weights: Tensor) -> None:
    """Check dtypes; half-precision values may have float32 positions."""
    if value.dtype not in _FLOATS:
        raise ValueError(
            'value must be float32, float64, float16 or bfloat16, got '
            f'{value.dtype}.'
        )
    allowed = [value.dtype]
    if value.dtype in _HALVES:
        allowed.append(torch.float32)
    for name, tensor in (
        ('sampling_locations', locations),
        ('attention_weights', weights),
    ):
        if tensor.dtype not in allowed:
            raise ValueError(
                f'{name} must be {" or ".join(map(str, allowed))} for a value '
                f'of {value.dtype}, got {tensor.dtype}.'
            )


def _shape_table(
    spatial_shapes: Tensor | Sequence[Sequence[int]],
    value: Tensor,
    num_levels: int,
) -> Tensor:
    """Return the level sizes as an int64 tensor (L, 2)."""
    if isinstance(spatial_shapes, Tensor):
        _check_table('spatial_shapes', spatial_shapes, value, (num_levels, 2))
        return spatial_shapes.to(torch.int64)
    sizes = [tuple(size) for size in spatial_shapes]
    if len(sizes) != num_levels or any(len(size) != 2 for size in sizes):
        raise ValueError(
            f'spatial_shapes must hold (H, W) for each of the {num_levels} '
            f'levels of sampling_locations, got {sizes}.'
        )
    total = sum(height * width for height, width in sizes)
    if total != value.shape[1] or any(min(size) < 1 for size in sizes):
        raise ValueError(
            f'spatial_shapes must add up to the S={value.shape[1]} rows of '
            f'value, every side at least 1, got {sizes} with {total} rows.'
        )
    return torch.tensor(sizes, dtype=torch.int64)


def _start_table(
    level_start_index: Tensor | Sequence[int] | None,
    spatial_shapes: Tensor | Sequence[Sequence[int]],
    shapes: Tensor,
    value: Tensor,
) -> Tensor:
    """Return the first row of each level as an int64 tensor (L, )."""
    if isinstance(level_start_index, Tensor):
        _check_table(
            'level_start_index', level_start_index, value, (len(shapes),)
        )
        return level_start_index.to(torch.int64)
    if level_start_index is not None:
        if len(level_start_index) != len(shapes):
            raise ValueError(
                f'level_start_index must hold {len(shapes)} numbers, one for '
                f'each level, got {list(level_start_index)}.'
            )
        return torch.tensor(list(level_start_index), dtype=torch.int64)
    if isinstance(spatial_shapes, Tensor):
        rows = shapes.prod(-1)
        return rows.cumsum(0) - rows
    starts = [0]
    for height, width in spatial_shapes:
        starts.append(starts[-1] + height * width)
    return torch.tensor(starts[:-1], dtype=torch.int64)


def _check_table(
    name: str, table: Tensor, value: Tensor, shape: tuple[int, ...]
) -> None:
    """Check shape, dtype and device of level sizes or level starts."""
    if tuple(table.shape) != shape:
        raise ValueError(
            f'{name} must be {shape}, one row for each of the {shape[0]} '
            f'levels of sampling_locations, got {tuple(table.shape)}.'
        )
    if table.dtype not in _INTS:
        raise ValueError(f'{name} must be int64 or int32, got {table.dtype}.')
    if table.device.type != 'cpu' and table.device != value.device:
        raise ValueError(
            f'{name} must be on the CPU or on the device of value, '
            f'{value.device}, got {table.device}.'
        )

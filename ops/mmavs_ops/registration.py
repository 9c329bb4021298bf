"""The operator's schema, its shape functions and its gradient.

The compiled kernels for the CPU and CUDA are registered when the extension in
this folder is loaded. On devices without a compiled kernel, the dispatcher
selects the ``grid_sample`` path for the same operator.
"""

import logging
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmavs_ops.functorch import refuse_second_gradient
from mmavs_ops.grid_sample_path import backward_pytorch, forward_pytorch

_LOGGER = logging.getLogger('mmavs_ops')
_NAMES = ('mmavs_ops::ms_deform_attn', 'mmavs_ops::ms_deform_attn_backward')
_INPUTS = (
    'Tensor value, Tensor spatial_shapes, Tensor level_start_index, '
    'Tensor sampling_locations, Tensor attention_weights'
)


def _load_extension() -> None:
    """Load the compiled kernels if the package was built with them."""
    libraries = sorted(Path(__file__).parent.glob('_C*.so'))
    if not libraries:
        return
    try:
        torch.ops.load_library(libraries[0])
    except OSError as error:
        raise ImportError(
            f'mmavs_ops was built for another torch than {torch.__version__} '
            f'({libraries[0].name} does not load). Reinstall mmavs with '
            '--no-build-isolation, or with MMAVS_BUILD_OPS=0 to omit the '
            'compiled kernels.'
        ) from error


def compiled_devices() -> tuple[str, ...]:
    """Return the device types that have a compiled kernel.

    Returns:
        tuple[str, ...]: Any of 'cpu' and 'cuda'; empty if only the
        ``grid_sample`` path is available.
    """
    return tuple(
        device
        for device, key in (('cpu', 'CPU'), ('cuda', 'CUDA'))
        if torch._C._dispatch_has_kernel_for_dispatch_key(_NAMES[0], key)
    )


@cache
def _log_fallback(device_type: str) -> None:
    _LOGGER.warning(
        'mmavs_ops has no compiled kernel for %r: multi-scale deformable '
        'attention runs through grid_sample, which gives the same result '
        'but is many times slower. Reinstall mmavs with '
        '--no-build-isolation where a compiler%s is present.',
        device_type,
        ' and a CUDA toolkit' if device_type == 'cuda' else '',
    )


def _forward_fallback(value: Tensor, *tables_and_points: Tensor) -> Tensor:
    _log_fallback(value.device.type)
    return forward_pytorch(value, *tables_and_points)


def _forward_fake(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
) -> Tensor:
    num_frames, _, num_heads, channels = value.shape
    num_queries = sampling_locations.shape[1]
    return value.new_empty((num_frames, num_queries, num_heads * channels))


def _backward_fake(
    grad_output: Tensor,
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    return (
        value.new_empty(value.shape),
        sampling_locations.new_empty(sampling_locations.shape),
        attention_weights.new_empty(attention_weights.shape),
    )


def _setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _gradient(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
    grads = torch.ops.mmavs_ops.ms_deform_attn_backward(
        grad_output, *ctx.saved_tensors
    )
    return grads[0], None, None, grads[1], grads[2]


def _register() -> None:
    forward, backward = _NAMES
    tag = torch.Tag.pt2_compliant_tag
    torch.library.define(forward, f'({_INPUTS}) -> Tensor', tags=tag)
    torch.library.define(
        backward,
        f'(Tensor grad_output, {_INPUTS}) -> (Tensor, Tensor, Tensor)',
        tags=tag,
    )
    kind = 'CompositeExplicitAutograd'
    torch.library.impl(forward, kind, _forward_fallback)
    torch.library.impl(backward, kind, backward_pytorch)
    torch.library.register_fake(forward, _forward_fake)
    torch.library.register_fake(backward, _backward_fake)
    torch.library.register_autograd(
        forward, _gradient, setup_context=_setup_context
    )
    torch.library.register_autograd(backward, refuse_second_gradient)
    _load_extension()


_register()

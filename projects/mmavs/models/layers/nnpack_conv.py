"""3x3 convolutions with fewer multiplications, by NNPACK."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.wrappers import Conv2d as MMCVConv2d
from torch import Tensor, nn

from .float32_cpu import runs_in_float32_on_cpu
from .swap_class import swap_class

_convolve = getattr(torch.ops.aten, '_nnpack_spatial_convolution', None)
#: Side of the squares of the output that NNPACK transforms at once.
_TILE = 6
#: With fewer tiles, transforming the kernels takes longer than it saves.
_MIN_TILES = 36
#: Frames with more tiles are computed one after another.
_MANY_TILES = 100
#: Rows and columns that do not fill a tile cost as much as full ones.
_MAX_WASTE = 1.5
#: Operations below which copies and waiting threads take what it saves.
_MIN_FLOPS_PER_THREAD = 3e9
_TAPS = 9
#: Stride, padding, dilation and groups.
Arguments: TypeAlias = tuple[Any, Any, Any, int]
_KEEPS_SIZE: Arguments = ((1, 1), (1, 1), (1, 1), 1)


class NNPACKConv2d(nn.Conv2d):
    """``nn.Conv2d`` by :func:`convolve`."""

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, h, w)."""
        needs_gradient = torch.is_grad_enabled() and input.requires_grad
        if needs_gradient or self.padding_mode != 'zeros':
            return super().forward(input)
        return convolve(input, self.weight, self.bias, self.arguments)

    @property
    def arguments(self) -> Arguments:
        """Stride, padding, dilation and groups."""
        return self.stride, self.padding, self.dilation, self.groups


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    arguments: Arguments = _KEEPS_SIZE,
) -> Tensor:
    """Compute ``F.conv2d``, by NNPACK where that is faster.

    PyTorch contains NNPACK, whose Winograd transform
    (https://arxiv.org/abs/1509.09308) computes 6 x 6 outputs of a 3x3 kernel
    with 64 instead of 324 multiplications for each pair of channels. It is
    used for large 3x3 convolutions that keep the size of their input, in
    float32 on x86, where the weights need no gradient. Outputs then differ
    from those of ``F.conv2d`` by about 1e-5 of the largest one.
    ``torch.backends.nnpack.set_flags(False)`` turns it off. The input must
    not need a gradient.

    Args:
        x (Tensor): (N, C_in, H, W).
        weight (Tensor): (C_out, C_in / groups, k, k).
        bias (Tensor | None): (C_out, ).
        arguments (Arguments): Stride, padding, dilation and groups, as in
            ``F.conv2d``. The default keeps the size of a 3x3 convolution.

    Returns:
        Tensor: (N, C_out, h, w).
    """
    if not uses_nnpack(x, weight, bias, arguments):
        return F.conv2d(x, weight, bias, *arguments)
    if _is_large(x.shape):
        return torch.cat([_call(f, weight, bias) for f in x.split(1)])
    return _convolve_side_by_side(x, weight, bias)


def _convolve_side_by_side(
    x: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    """Convolve small frames as one wide frame.

    NNPACK then transforms the kernels once. Zeros to the left and the right
    of each frame are its padding; every frame has tiles of its own, so that
    its result does not depend on its neighbours, not even by rounding.
    """
    num_frames, channels, height, width = x.shape
    places = slice(1, width + 1)
    wide = x.new_zeros(channels, height, num_frames, _slot_width(width))
    wide[..., places] = x.permute(1, 2, 0, 3)
    out = _call(wide.flatten(2)[None], weight, bias)
    out = out.view(-1, *wide.shape[1:])[..., places]
    return out.permute(2, 0, 1, 3).contiguous()


def _slot_width(width: int) -> int:
    return -(-(width + 2) // _TILE) * _TILE


def _call(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    assert _convolve is not None
    return _convolve(x, weight, bias, (1, 1))


def uses_nnpack(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    arguments: Arguments = _KEEPS_SIZE,
) -> bool:
    """Return whether a convolution uses NNPACK.

    Args:
        x (Tensor): (N, C_in, H, W), its input.
        weight (Tensor): (C_out, C_in / groups, k, k), its kernels.
        bias (Tensor | None): (C_out, ), its bias.
        arguments (Arguments): See :func:`convolve`.

    Returns:
        bool: False where PyTorch's own convolution is needed or faster.
    """
    if _convolve is None or arguments != _KEEPS_SIZE or x.dim() != 4:
        return False
    if weight.shape[2:] != (3, 3):
        return False
    if not runs_in_float32_on_cpu(x, weight, bias):
        return False
    return _pays(x.shape, len(weight)) and _is_available()


def _pays(shape: torch.Size, out_channels: int) -> bool:
    num_frames, _, height, width = shape
    is_large = _is_large(shape)
    tiles = _num_tiles(height, width if is_large else _slot_width(width))
    if not is_large and num_frames * tiles < _MIN_TILES:
        return False
    if tiles * _TILE**2 > _MAX_WASTE * height * width:
        return False
    flops = 2 * _TAPS * shape.numel() * out_channels
    return flops >= _MIN_FLOPS_PER_THREAD * torch.get_num_threads()


def _is_large(shape: torch.Size) -> bool:
    return _num_tiles(*shape[2:]) > _MANY_TILES


def _num_tiles(height: int, width: int) -> int:
    return -(-height // _TILE) * -(-width // _TILE)


def _is_available() -> bool:
    # NNPACK keeps the number of threads of its first call.
    if not (torch._C._get_nnpack_enabled() and _is_supported()):
        return False
    return torch.get_num_threads() == _first_num_threads()


@cache
def _is_supported() -> bool:
    """Whether NNPACK knows this CPU; it warns if it does not."""
    capability = torch.backends.cpu.get_cpu_capability()
    return 'AVX' in capability and torch.backends.nnpack.is_available()


@cache
def _first_num_threads() -> int:
    return torch.get_num_threads()


def use_nnpack_conv(module: nn.Module) -> int:
    """Make the convolutions inside a module use NNPACK.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed.
    """
    return swap_class(module, (nn.Conv2d, MMCVConv2d), NNPACKConv2d)

"""Linear layers on oneDNN's matrix product where their weights are fixed."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.wrappers import Linear as MMCVLinear
from mmengine.model import Sequential
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.flop_counter import register_flop_formula

from .float32_cpu import runs_in_float32_on_cpu
from .swap_class import swap_class

#: What ``torch.compile`` calls for the linear layers of a CPU: the layer and,
#: in the same pass, an activation.
_product = getattr(torch.ops.mkldnn, '_linear_pointwise', None)


class OneDNNLinear(nn.Linear):
    """``nn.Linear`` by :func:`linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        return linear(x, self.weight, self.bias)


class LinearGELU(Sequential):
    """mmcv's linear layer, activation and dropout of an MLP in one pass."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        layer, activation, dropout = self
        exact = (
            type(activation) is nn.GELU and activation.approximate == 'none'
        )
        if not exact or (self.training and dropout.p):
            return super().forward(x)
        return linear_gelu(layer, x)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute ``F.linear`` on oneDNN, where the weights need no gradient.

    For float32 on the CPU, PyTorch calls the BLAS library that it was built
    with, on x86 MKL. oneDNN, which PyTorch uses for convolutions, is faster
    on some CPUs. Results are equal up to rounding. Where the weights need a
    gradient, in reduced precision, in traced or compiled networks and on
    other devices this is ``F.linear``. Frozen layers use oneDNN in training,
    too, also for the gradient of their input.

    Args:
        x (Tensor): (..., C_in).
        weight (Tensor): (C_out, C_in).
        bias (Tensor | None): (C_out, ).

    Returns:
        Tensor: (..., C_out).
    """
    if not uses_onednn(x, weight, bias):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled() and x.requires_grad:
        return _FrozenLinear.apply(x, weight, bias)
    return _product(x, weight, bias, 'none', [], '')


class _FrozenLinear(torch.autograd.Function):
    """A linear layer with a gradient of its input only."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(weight)
        # oneDNN returns a view, which the next layer could not change in
        # place; ``data`` is none.
        return _product(x, weight, bias, 'none', [], '').data

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return _product(grad, weight.t(), None, 'none', [], ''), None, None


def linear_gelu(layer: nn.Linear, x: Tensor) -> Tensor:
    """Apply a linear layer and GELU, in one pass without gradients.

    Args:
        layer (nn.Linear): The layer.
        x (Tensor): (..., in_features).

    Returns:
        Tensor: (..., out_features).
    """
    fused = (
        type(layer) is OneDNNLinear
        and uses_onednn(x, layer.weight, layer.bias)
        and not (torch.is_grad_enabled() and x.requires_grad)
    )
    if not fused:
        return F.gelu(layer(x))
    return _product(x, layer.weight, layer.bias, 'gelu', [], 'none')


def uses_onednn(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    """Return whether a linear layer is computed by oneDNN.

    Args:
        x (Tensor): Its input.
        weight (Tensor): Its matrix.
        bias (Tensor | None): Its bias.

    Returns:
        bool: False where PyTorch's own layer is needed.
    """
    return _product is not None and runs_in_float32_on_cpu(x, weight, bias)


def use_onednn_linear(module: nn.Module) -> int:
    """Make the linear layers inside a module use oneDNN.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed.
    """
    return swap_class(module, (nn.Linear, MMCVLinear), OneDNNLinear)


if _product is not None:

    @register_flop_formula(torch.ops.mkldnn._linear_pointwise)
    def _count(
        x_shape: torch.Size, weight_shape: torch.Size, *_: Any, **__: Any
    ) -> int:
        """Count as ``torch.utils.flop_counter`` does for a product."""
        return 2 * x_shape.numel() * weight_shape[0]

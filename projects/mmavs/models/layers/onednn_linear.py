"""Linear layers on oneDNN's matrix product where no gradient is needed."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.wrappers import Linear as MMCVLinear
from mmengine.model import Sequential
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

from .swap_class import swap_class

#: What ``torch.compile`` calls for the linear layers of a CPU: the layer and,
#: in the same pass, an activation.
_product = getattr(torch.ops.mkldnn, '_linear_pointwise', None)
#: The type itself: tests in float64 give its name to another one.
_FLOAT32 = torch.float32


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
    """Compute ``F.linear`` on oneDNN, where no gradient is needed.

    For float32 on the CPU, PyTorch calls the BLAS library that it was built
    with, on x86 MKL. oneDNN, which PyTorch uses for convolutions, is faster
    on some CPUs. Results are equal up to rounding. Where a gradient is
    needed, in reduced precision, in traced or compiled networks and on other
    devices this is ``F.linear``; frozen layers use oneDNN in training, too.

    Args:
        x (Tensor): (..., C_in).
        weight (Tensor): (C_out, C_in).
        bias (Tensor | None): (C_out, ).

    Returns:
        Tensor: (..., C_out).
    """
    if not uses_onednn(x, weight):
        return F.linear(x, weight, bias)
    return _product(x, weight, bias, 'none', [], '')


def linear_gelu(layer: nn.Linear, x: Tensor) -> Tensor:
    """Apply a linear layer and GELU, in one pass where oneDNN is used.

    Args:
        layer (nn.Linear): The layer.
        x (Tensor): (..., in_features).

    Returns:
        Tensor: (..., out_features).
    """
    if type(layer) is OneDNNLinear and uses_onednn(x, layer.weight):
        return _product(x, layer.weight, layer.bias, 'gelu', [], 'none')
    return F.gelu(layer(x))


def uses_onednn(x: Tensor, weight: Tensor) -> bool:
    """Return whether a linear layer is computed by oneDNN.

    Args:
        x (Tensor): Its input.
        weight (Tensor): Its matrix.

    Returns:
        bool: False where PyTorch's own layer is needed.
    """
    if _product is None or x.device.type != 'cpu' or not x.numel():
        return False
    if x.dtype != _FLOAT32 or weight.dtype != _FLOAT32:
        return False
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return False
    return not (
        torch.is_autocast_enabled('cpu')
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()
    )


def use_onednn_linear(module: nn.Module) -> int:
    """Make the linear layers inside a module use oneDNN.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed.
    """
    changed = swap_class(module, MMCVLinear, OneDNNLinear)
    return changed + swap_class(module, nn.Linear, OneDNNLinear)


if _product is not None:

    @register_flop_formula(torch.ops.mkldnn._linear_pointwise)
    def _count(
        x_shape: torch.Size, weight_shape: torch.Size, *_: Any, **__: Any
    ) -> int:
        """Count as ``torch.utils.flop_counter`` does for a product."""
        return 2 * x_shape.numel() * weight_shape[0]

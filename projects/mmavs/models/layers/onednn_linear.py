"""Linear layers on oneDNN's matrix product where nothing is trained."""

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
    """``nn.Linear`` on oneDNN, where no gradient is needed.

    For float32 on the CPU, PyTorch calls the BLAS library that it was built
    with, on x86 MKL. oneDNN, which PyTorch uses for convolutions, is faster
    on some CPUs (on an AMD EPYC with AVX512 1.2 to 1.4 times). Results are
    equal up to rounding. In training, in reduced precision, in traced or
    compiled networks and on other devices the layer is PyTorch's.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        if not uses_onednn(self, x):
            return super().forward(x)
        return _product(x, self.weight, self.bias, 'none', [], '')


class LinearGELU(Sequential):
    """mmcv's linear layer, activation and dropout of an MLP in one pass."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        linear, activation, dropout = self
        exact = (
            type(activation) is nn.GELU and activation.approximate == 'none'
        )
        if not exact or (self.training and dropout.p):
            return super().forward(x)
        return linear_gelu(linear, x)


def linear_gelu(linear: nn.Linear, x: Tensor) -> Tensor:
    """Apply a linear layer and GELU, in one pass where oneDNN is used.

    Args:
        linear (nn.Linear): The layer.
        x (Tensor): (..., in_features).

    Returns:
        Tensor: (..., out_features).
    """
    if type(linear) is OneDNNLinear and uses_onednn(linear, x):
        return _product(x, linear.weight, linear.bias, 'gelu', [], 'none')
    return F.gelu(linear(x))


def uses_onednn(linear: nn.Linear, x: Tensor) -> bool:
    """Return whether a call of a layer is computed by oneDNN.

    Args:
        linear (nn.Linear): The layer.
        x (Tensor): Its input.

    Returns:
        bool: False where PyTorch's own layer is needed.
    """
    weight = linear.weight
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

"""Where layers may be computed by other libraries of PyTorch's CPU build."""

from __future__ import annotations

import torch
from torch import Tensor

#: The type itself: tests in float64 give its name to another one.
_FLOAT32 = torch.float32


def runs_in_float32_on_cpu(
    x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> bool:
    """Return whether a layer runs eagerly in float32 with fixed weights.

    Args:
        x (Tensor): Its input.
        weight (Tensor): Its weights.
        bias (Tensor | None): Its bias.

    Returns:
        bool: False on other devices, in reduced precision, in traced or
        compiled networks, for empty inputs, and where the weights need a
        gradient.
    """
    if x.device.type != 'cpu' or not x.numel():
        return False
    if x.dtype != _FLOAT32 or weight.dtype != _FLOAT32:
        return False
    if torch.is_grad_enabled() and _any_trained(weight, bias):
        return False
    return not (
        torch.is_autocast_enabled('cpu')
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()
    )


def _any_trained(*parameters: Tensor | None) -> bool:
    return any(p is not None and p.requires_grad for p in parameters)

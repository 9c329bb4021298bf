"""A convolution that does not keep its input where its weights are fixed."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_input

_FLOATS = (torch.float32, torch.float64)


class FrozenConv2d(nn.Conv2d):
    """``nn.Conv2d`` that keeps its input only if its weights are trained.

    PyTorch keeps the input of every convolution, which only the gradient of
    the weights needs. Outputs and gradients are those of PyTorch.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, h, w)."""
        if not self._needs_no_input(input):
            return super().forward(input)
        arguments = (self.stride, self.padding, self.dilation, self.groups)
        return _FrozenConvolution.apply(
            input, self.weight, self.bias, arguments
        )

    def _needs_no_input(self, x: Tensor) -> bool:
        trained = any(p.requires_grad for p in self.parameters())
        if trained or not (torch.is_grad_enabled() and x.requires_grad):
            return False
        plain = self.padding_mode == 'zeros' and x.dtype in _FLOATS
        return plain and not (
            isinstance(self.padding, str)
            or torch.is_autocast_enabled(x.device.type)
            or torch.compiler.is_compiling()
        )


class _FrozenConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        arguments: tuple[Any, ...],
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.arguments = x.shape, arguments
        return F.conv2d(x, weight, bias, *arguments)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        out = conv2d_input(ctx.size, weight, grad, *ctx.arguments)
        return out, None, None, None

"""A convolution that does not keep its input where its weights are fixed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_input

from .nnpack_conv import Arguments, NNPACKConv2d, convolve, uses_nnpack

_FLOATS = (torch.float32, torch.float64)


class FrozenConv2d(NNPACKConv2d):
    """``nn.Conv2d`` that keeps its input only if its weights are trained.

    PyTorch keeps the input of every convolution, which only the gradient of
    the weights needs. Outputs and gradients are those of PyTorch, or of NNPACK
    where it is faster.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, h, w)."""
        if not self._needs_no_input(input):
            return super().forward(input)
        return _FrozenConvolution.apply(
            input, self.weight, self.bias, self.arguments
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
        arguments: Arguments,
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.arguments = x.shape, arguments
        return convolve(x, weight, bias, arguments)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        return _input_gradient(ctx, weight, grad), None, None, None


def _input_gradient(ctx: Any, weight: Tensor, grad: Tensor) -> Tensor:
    kernels = weight.transpose(0, 1)
    if uses_nnpack(grad, kernels, None, ctx.arguments):
        return convolve(grad, kernels.flip(2, 3), None)
    return conv2d_input(ctx.size, weight, grad, *ctx.arguments)

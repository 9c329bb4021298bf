"""ReLU that keeps signs instead of its output for the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .signs import multiply_by_signs, pack_signs


class SignReLU(nn.ReLU):
    """``nn.ReLU`` that keeps a bit for each value instead of its output.

    For a ReLU before a frozen layer that does not keep its input either: the
    output is then freed. Values and gradients are those of ``nn.ReLU``.
    Before a trained layer it would take more memory. On devices other than
    the CPU it keeps a byte for each value.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply the ReLU.

        Args:
            x (Tensor): Any shape; changed in place if ``inplace`` is set.

        Returns:
            Tensor: As ``x``.
        """
        if torch.compiler.is_compiling() or not x.requires_grad:
            return super().forward(x)
        return _SignReLU.apply(x, self.inplace)


class _SignReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, inplace: bool) -> Tensor:
        if inplace:
            ctx.mark_dirty(x)
        out = x.relu_() if inplace else x.relu()
        ctx.save_for_backward(pack_signs(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return multiply_by_signs(grad, *ctx.saved_tensors), None

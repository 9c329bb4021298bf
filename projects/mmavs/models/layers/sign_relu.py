"""ReLU that keeps signs instead of its output for the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

#: Values that are multiplied at once.
_PART = 2**18


class SignReLU(nn.ReLU):
    """``nn.ReLU`` that keeps one byte for each value instead of its output.

    For a ReLU before a frozen linear layer, which does not keep its input
    either: the output is then freed. Values and gradients are those of
    ``nn.ReLU``. Before a trained layer it would take more memory.
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
        ctx.save_for_backward(out > 0)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (positive,) = ctx.saved_tensors
        grad, positive = grad.contiguous(), positive.contiguous()
        out = torch.empty_like(grad)
        # In parts: PyTorch converts the bytes to numbers first, which then
        # stay in the cache.
        parts = (t.view(-1).split(_PART) for t in (grad, positive, out))
        for values, signs, product in zip(*parts, strict=True):
            torch.mul(values, signs, out=product)
        return out, None

"""A frozen MLP with a ReLU, in tiles of rows also where a gradient flows."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import Sequential
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .onednn_linear import OneDNNLinear, linear, uses_onednn
from .signs import multiply_by_signs, pack_signs

#: Rows of a tile for each thread: the hidden rows then stay in the cache.
_ROWS = 2048


class MLPLayers(Sequential):
    """Layers of mmcv's MLP: (linear, activation, dropout), linear, dropout.

    If both linear layers are frozen and the activation is a ReLU, the hidden
    rows exist for a tile at a time only, and the backward pass needs a bit
    for each of them. Gradients of the input are equal up to rounding.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., C) to (..., C)."""
        if not self._is_frozen(x):
            return super().forward(x)
        (first, _, _), second, _ = self
        return _FrozenMLP.apply(
            x, first.weight, first.bias, second.weight, second.bias
        )

    def _is_frozen(self, x: Tensor) -> bool:
        if not (torch.is_grad_enabled() and x.requires_grad):
            return False
        if len(self) != 3 or len(self[0]) != 3:
            return False
        (first, activation, dropout), second, last = self
        if not isinstance(activation, nn.ReLU):
            return False
        if self.training and (dropout.p or last.p):
            return False
        return all(
            type(layer) is OneDNNLinear
            and uses_onednn(x, layer.weight, layer.bias)
            for layer in (first, second)
        )


class _FrozenMLP(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight1: Tensor,
        bias1: Tensor | None,
        weight2: Tensor,
        bias2: Tensor | None,
    ) -> Tensor:
        out = x.new_empty(*x.shape[:-1], len(weight2))
        signs = []
        for rows, result in _tiles(x, out):
            hidden = linear(rows, weight1, bias1).relu_()
            signs.append(pack_signs(hidden))
            result.copy_(linear(hidden, weight2, bias2))
        ctx.save_for_backward(weight1, weight2, *signs)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight1, weight2, *signs = ctx.saved_tensors
        out = grad.new_empty(*grad.shape[:-1], weight1.shape[1])
        tiles = zip(_tiles(grad, out), signs, strict=True)
        for (rows, result), bits in tiles:
            hidden = multiply_by_signs(linear(rows, weight2.t(), None), bits)
            result.copy_(linear(hidden, weight1.t(), None))
        return out, None, None, None, None


def _tiles(x: Tensor, out: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Cut (..., C) and (..., D) into tiles of rows."""
    num_rows = rows_of_a_tile()
    return list(
        zip(
            x.flatten(0, -2).split(num_rows),
            out.flatten(0, -2).split(num_rows),
            strict=True,
        )
    )


def rows_of_a_tile() -> int:
    """Return how many rows of an MLP are processed at once.

    Returns:
        int: For all threads together.
    """
    return _ROWS * torch.get_num_threads()

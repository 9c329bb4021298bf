"""mmcv's MLP of transformers, in tiles of rows where nothing is trained."""

from __future__ import annotations

import torch
from mmcv.cnn.bricks.transformer import FFN
from mmengine.model import Sequential
from torch import Tensor, nn

from .frozen_mlp import MLPLayers, rows_of_a_tile
from .onednn_linear import LinearGELU
from .swap_class import swap_class


class TiledFFN(FFN):
    """mmcv's MLP without the hidden rows of the whole map in memory.

    Where no gradient is needed, as in inference and in a frozen backbone, more
    than 2048 rows for each thread are processed in tiles. Parameters and
    their names do not change; results are equal up to rounding, and equal bit
    by bit for fewer rows.
    """

    def forward(self, x: Tensor, identity: Tensor | None = None) -> Tensor:
        """Run the MLP.

        Args:
            x (Tensor): (..., C).
            identity (Tensor | None): The residual; None uses ``x``.

        Returns:
            Tensor: As ``x``.
        """
        # A compiled network tiles by itself and cannot read the threads.
        at_once = torch.compiler.is_compiling() or x.device.type != 'cpu'
        if at_once or self._needs_gradient(x) or self._drops():
            return super().forward(x, identity)
        num_rows = rows_of_a_tile()
        rows = x.flatten(0, -2)
        if len(rows) <= num_rows:
            return super().forward(x, identity)
        residual = None if identity is None else identity.flatten(0, -2)
        out = torch.empty_like(rows if residual is None else residual)
        for start in range(0, len(rows), num_rows):
            tile = slice(start, start + num_rows)
            out[tile] = super().forward(
                rows[tile], None if residual is None else residual[tile]
            )
        return out.view_as(x)

    def _needs_gradient(self, x: Tensor) -> bool:
        tensors = (x, *self.parameters())
        return torch.is_grad_enabled() and any(
            tensor.requires_grad for tensor in tensors
        )

    def _drops(self) -> bool:
        """Whether random values are drawn, which depend on the rows."""
        return self.training and any(
            getattr(part, 'p', 0) or getattr(part, 'drop_prob', 0)
            for part in self.modules()
        )


def use_tiled_ffn(module: nn.Module) -> int:
    """Make mmcv's MLPs inside a module work in tiles, with GELU fused.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed.
    """
    for ffn in module.modules():
        if type(ffn) is FFN:
            for part in ffn.get_submodule('layers').children():
                swap_class(part, Sequential, LinearGELU)
            swap_class(ffn, Sequential, MLPLayers)
    return swap_class(module, FFN, TiledFFN)

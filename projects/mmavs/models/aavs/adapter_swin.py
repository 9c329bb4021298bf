"""Swin Transformer with adapters after its output projections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch.nn as nn
from mmcv.cnn.bricks import DropPath
from mmdet.models.backbones.swin import SwinBlock, SwinTransformer
from mmseg.registry import MODELS

from ..layers import (
    AdaptedLinear,
    init_adapters,
    use_fused_window_attention,
    use_tiled_ffn,
)


@MODELS.register_module()
class AdapterSwin(SwinTransformer):
    """mmdet's Swin Transformer with adapters.

    Every block has two adapters, after the attention's output projection and
    after the MLP's second layer; the output of an adapter is added to its
    input. Behaviour follows
    ``Stepping-Stones@de6a17b:avs/transformers/models/swin/modeling_swin.py``.

    Args:
        with_adapters (bool): False gives the plain Swin Transformer.
        drop_path_mode (str): ``'linear'`` is mmdet's rule (0 to
            ``drop_path_rate`` over depth, both branches);
            ``'constant_attention'`` is that of the published AAVS: the same
            rate in every block, on the attention branch only.
        drop_path_rate (float): Rate of stochastic depth in [0, 1).
        frozen (bool): Freeze all parameters (the paper's frozen visual
            backbone). Stochastic depth stays active in training, as
            published.
        kwargs: Arguments of mmdet's ``SwinTransformer``.
    """

    def __init__(
        self,
        *,
        with_adapters: bool = True,
        drop_path_mode: Literal['linear', 'constant_attention'] = 'linear',
        drop_path_rate: float = 0.1,
        frozen: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(drop_path_rate=drop_path_rate, **kwargs)
        if drop_path_mode not in ('linear', 'constant_attention'):
            raise ValueError(
                "drop_path_mode must be 'linear' or 'constant_attention', "
                f'got {drop_path_mode!r}.'
            )
        use_fused_window_attention(self)
        use_tiled_ffn(self)
        for block in self._blocks():
            if drop_path_mode == 'constant_attention':
                block.attn.drop = DropPath(drop_path_rate)
                block.ffn.dropout_layer = nn.Identity()
            if with_adapters:
                _adapt_block(block)
        if frozen:
            self.requires_grad_(False)

    def _blocks(self) -> Iterator[SwinBlock]:
        for stage in self.stages:
            yield from stage.blocks

    def init_weights(self) -> None:
        """Initialise as mmdet does, then initialise the adapters."""
        super().init_weights()
        init_adapters(self)

    def train(self, mode: bool = True) -> AdapterSwin:
        """Set the mode; mmdet's version does not return the module."""
        super().train(mode)
        return self


def _adapt_block(block: SwinBlock) -> None:
    attn = block.attn.w_msa
    attn.proj = AdaptedLinear.like(attn.proj, mode='residual')
    layers = block.ffn.layers
    layers[1] = AdaptedLinear.like(layers[1], mode='residual')

"""Self-attention of the decoder, with an adapter at its output projection."""

from __future__ import annotations

from typing import Any, Literal

import torch.nn.functional as F
from mmcv.cnn.bricks.transformer import MultiheadAttention
from mmdet.models.layers import Mask2FormerTransformerDecoder
from torch import Tensor

from ..layers import AdaptedLinear


class AdapterSelfAttention(MultiheadAttention):
    """mmcv's multi-head attention with an adapted output projection.

    ``nn.MultiheadAttention`` reads the projection's weight without calling
    the module, so the attention is implemented here. State dict names do not
    change.

    Args:
        adapter_mode (str): ``'replace'`` or ``'append'``, see
            :class:`AdaptedLinear`.
        kwargs: Arguments of mmcv's ``MultiheadAttention``; dropout must be 0
            and ``batch_first`` True.
    """

    def __init__(
        self, *, adapter_mode: Literal['replace', 'append'], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        assert self.batch_first
        assert self.attn.dropout == 0
        self.attn.out_proj = AdaptedLinear.like(
            self.attn.out_proj, mode=adapter_mode, init='xavier'
        )

    def forward(
        self,
        query: Tensor,
        *,
        query_pos: Tensor,
        attn_mask: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """Apply self-attention to the queries of each frame.

        Args:
            query (Tensor): (N, Q, C); also key and value.
            query_pos (Tensor): (N, Q, C), added to query and key.
            attn_mask (Tensor | None): Broadcasts to (N, heads, Q, Q), True
                where attention is blocked.
            **_ (Any): ``key``, ``value`` and ``key_pos``, which mmdet's layer
                passes; in self-attention they equal those of the query.

        Returns:
            Tensor: (N, Q, C).
        """
        weight_q, weight_k, weight_v = self.attn.in_proj_weight.chunk(3)
        bias_q, bias_k, bias_v = self.attn.in_proj_bias.chunk(3)
        located = query + query_pos
        out = F.scaled_dot_product_attention(
            self._split_heads(F.linear(located, weight_q, bias_q)),
            self._split_heads(F.linear(located, weight_k, bias_k)),
            self._split_heads(F.linear(query, weight_v, bias_v)),
            attn_mask=None if attn_mask is None else ~attn_mask,
        )
        out = self.attn.out_proj(out.transpose(1, 2).flatten(2))
        return query + self.dropout_layer(self.proj_drop(out))

    def _split_heads(self, x: Tensor) -> Tensor:
        # (N, Q, C) -> (N, heads, Q, C / heads)
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def adapt_decoder(
    decoder: Mask2FormerTransformerDecoder,
    adapter_mode: Literal['replace', 'append'],
) -> None:
    """Add an adapter to every self-attention of ``decoder``, in place.

    Cross-attention has no adapter, as published.
    """
    for layer in decoder.layers:
        layer.self_attn = AdapterSelfAttention(
            adapter_mode=adapter_mode, **layer.self_attn_cfg
        )

"""Queries from audio tokens."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn


class EASEQueryGenerator(BaseModule):
    """Learned queries that attend to the audio tokens of their frame.

    Behaviour follows ``ilpoviertola/EASE@12ab645`` (``AttentionGenerator``,
    derived from AVSegFormer's); reimplemented, no code taken.

    Args:
        num_queries (int): Q.
        out_dims (int): Width D of the result.
        embed_dims (int): Width E of queries and tokens inside.
        num_layers (int): Layers.
        num_heads (int): Attention heads.
    """

    def __init__(
        self,
        num_queries: int,
        out_dims: int,
        embed_dims: int = 320,
        num_layers: int = 2,
        num_heads: int = 8,
    ) -> None:
        super().__init__()
        self.query = nn.Embedding(num_queries, embed_dims)
        self.layers = ModuleList(
            [_Layer(embed_dims, num_heads) for _ in range(num_layers)]
        )
        self.output_proj = nn.Linear(embed_dims, out_dims)

    def init_weights(self) -> None:
        """Draw all matrices, the queries included, from Xavier's uniform."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """Generate queries.

        Args:
            tokens (Tensor): (N, k, E) audio tokens.

        Returns:
            Tensor: (N, Q, D).
        """
        query = self.query.weight.expand(tokens.shape[0], -1, -1)
        for layer in self.layers:
            query = layer(query, tokens)
        return self.output_proj(query)


class _Layer(BaseModule):
    """Post-norm: self-attention, attention to the tokens, MLP."""

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        self.self_attn, self.cross_attn = (
            nn.MultiheadAttention(
                embed_dims, num_heads, bias=False, batch_first=True
            )
            for _ in range(2)
        )
        self.norm1, self.norm2, self.norm3 = (
            nn.LayerNorm(embed_dims) for _ in range(3)
        )
        self.fc1 = nn.Linear(embed_dims, 4 * embed_dims)
        self.fc2 = nn.Linear(4 * embed_dims, embed_dims)

    def forward(self, query: Tensor, tokens: Tensor) -> Tensor:
        attended = self.self_attn(query, query, query, need_weights=False)[0]
        query = self.norm1(query + attended)
        attended = self.cross_attn(query, tokens, tokens, need_weights=False)[
            0
        ]
        query = self.norm2(query + attended)
        return self.norm3(query + self.fc2(F.gelu(self.fc1(query))))

"""Audio-conditioned object queries."""

from __future__ import annotations

from typing import Literal

from mmdet.models.layers import DetrTransformerDecoderLayer
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..layers import use_fused_attention

AUDIO_QUERY_MODES = ('attention', 'repeat')


class AVSegFormerQueryGenerator(BaseModule):
    """Generate the queries of each frame from its audio embedding.

    - ``'attention'`` (current release): learnable prototypes attend to each
      other and to the audio, layer by layer.
    - ``'repeat'`` (release before August 2023, whose results papers quote):
      every query is the projected audio embedding.

    Behaviour follows ``AVSegFormer@7083cb6:model/utils/query_generator.py``;
    reimplemented on mmdet's layers, no code taken. The audio is a single
    key, so all queries of a frame receive the same vector and differ by
    their prototypes only.

    Args:
        mode (str): One of the two above.
        num_queries (int): Q.
        embed_dims (int): Width C.
        num_heads (int): Heads of the attention layers.
        feedforward_channels (int): Hidden width of their MLPs.
        num_layers (int): Layers of ``'attention'``.

    Raises:
        ValueError: If ``mode`` is unknown.
    """

    def __init__(
        self,
        mode: Literal['attention', 'repeat'] = 'attention',
        *,
        num_queries: int,
        embed_dims: int,
        num_heads: int = 8,
        feedforward_channels: int = 1024,
        num_layers: int = 6,
    ) -> None:
        super().__init__()
        if mode not in AUDIO_QUERY_MODES:
            raise ValueError(
                f'audio_query must be one of {AUDIO_QUERY_MODES}, '
                f'got {mode!r}.'
            )
        self.mode = mode
        self.num_queries = num_queries
        if mode == 'repeat':
            return
        self.query = nn.Embedding(num_queries, embed_dims)
        attention = dict(
            embed_dims=embed_dims,
            num_heads=num_heads,
            bias=False,
            batch_first=True,
        )
        self.layers = nn.ModuleList(
            DetrTransformerDecoderLayer(
                self_attn_cfg=dict(attention),
                cross_attn_cfg=dict(attention),
                ffn_cfg=dict(
                    embed_dims=embed_dims,
                    feedforward_channels=feedforward_channels,
                    num_fcs=2,
                    act_cfg=dict(type='GELU'),
                ),
            )
            for _ in range(num_layers)
        )
        use_fused_attention(self)

    def init_weights(self) -> None:
        """Initialise as published."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, audio: Tensor) -> Tensor:
        """Generate queries.

        Args:
            audio (Tensor): (N, 1, C), projected; row n belongs to
                frame n.

        Returns:
            Tensor: (N, Q, C).
        """
        if self.mode == 'repeat':
            return audio.expand(-1, self.num_queries, -1)
        query = self.query.weight.expand(audio.shape[0], -1, -1)
        for layer in self.layers:
            query = layer(query, key=audio, value=audio)
        return query

"""Mask head, which computes class logits from queries and mask feature."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..layers import EnlargedConv2d, linear

#: Pixels per tile of the MLP.
_TILE = 2048


class AVSegFormerMaskHead(BaseModule):
    """Mix the masks of all queries into the mask feature and classify.

    With queries ``Q`` and mask feature ``F`` of a frame, the logits are
    ``conv_seg(F + mlp(Q F))``, where the MLP runs over the queries, pixel by
    pixel. Behaviour follows ``AVSegFormer@7083cb6:model/head/AVSegHead.py``;
    reimplemented, no code taken.

    Args:
        num_queries (int): Q.
        embed_dims (int): Width C.
        hidden_channels (int): Width of the MLP.
        num_classes (int): Logits K per pixel.
        scale_factor (int): Upsampling factor of the mask feature.
    """

    def __init__(
        self,
        num_queries: int,
        embed_dims: int,
        num_classes: int,
        hidden_channels: int = 2048,
        scale_factor: int = 4,
    ) -> None:
        super().__init__()
        self.mlp = nn.ModuleList(
            [
                nn.Linear(num_queries, hidden_channels),
                nn.Linear(hidden_channels, hidden_channels),
                nn.Linear(hidden_channels, embed_dims),
            ]
        )
        self.conv_seg = nn.Sequential(
            nn.Conv2d(embed_dims, embed_dims // 2, 3, padding=1),
            EnlargedConv2d(
                embed_dims // 2,
                embed_dims // 8,
                kernel_size=3,
                scale_factor=scale_factor,
            ),
            nn.ReLU(),
            nn.Conv2d(embed_dims // 8, num_classes, 1, bias=False),
        )

    def init_weights(self) -> None:
        """Initialise as published."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, query: Tensor, mask_feature: Tensor) -> Tensor:
        """Predict logits.

        Args:
            query (Tensor): (N, Q, C).
            mask_feature (Tensor): (N, C, H, W).

        Returns:
            Tensor: (N, K, scale_factor * H, scale_factor * W).
        """
        mixed = torch.stack(
            [
                self._mix(*frame)
                for frame in zip(query, mask_feature, strict=True)
            ]
        )
        return self.conv_seg(mask_feature + mixed)

    def _mix(self, query: Tensor, mask_feature: Tensor) -> Tensor:
        """Run the MLP over a frame: (Q, C), (C, H, W) -> (C, H, W)."""
        first, *others = (x for x in self.mlp if isinstance(x, nn.Linear))
        # W (Q F) = (W Q) F: the masks (Q, H, W) are not materialised.
        weight = first.weight @ query
        mixed = []
        # The hidden maps have eight times the channels of the mask feature,
        # so they are computed in tiles that fit into the cache.
        for pixels in mask_feature.flatten(1).T.split(_TILE):
            hidden = linear(pixels, weight, first.bias)
            for layer in others:
                hidden = layer(hidden.relu_())
            mixed.append(hidden)
        return torch.cat(mixed).T.view_as(mask_feature)

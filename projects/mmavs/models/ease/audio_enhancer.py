"""Turn a frame's audio embedding into tokens."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.model.weight_init import trunc_normal_
from mmseg.registry import MODELS
from torch import Tensor, nn

from .assignment import soft_assignment

_INIT_STD = 0.02


@MODELS.register_module()
class EASELinearEnhancer(BaseModule):
    """One token: a linear projection of the embedding.

    Args:
        audio_channels (int): Width A of the embedding.
        embed_dims (int): Width E of the token.
        deterministic (bool): Without effect; nothing is drawn here.
    """

    def __init__(
        self,
        audio_channels: int = 128,
        embed_dims: int = 320,
        deterministic: bool = True,
    ) -> None:
        super().__init__()
        self.audio_proj = nn.Linear(audio_channels, embed_dims)

    def forward(self, embed: Tensor) -> Tensor:
        """Project (N, A) to (N, 1, E)."""
        return self.audio_proj(embed)[:, None]


@MODELS.register_module()
class EASEClusterEnhancer(BaseModule):
    """Tokens that move from the embedding towards its nearest centres.

    Section "audio enhancer" of EASE (https://arxiv.org/abs/2609.29121).
    Behaviour follows ``ilpoviertola/EASE@12ab645:models/query_generators``
    (``ClusteringTokenFeatureEnhancer``); reimplemented, no code taken. The
    published ``fusion_s2`` feeds a softmax over a single element and so has
    no effect; it is left out here.

    Args:
        audio_channels (int): Width A of the embedding.
        embed_dims (int): Width E of the tokens.
        num_clusters (int): Learned centres.
        num_tokens (int): Centres that become tokens, and so the number of
            tokens; all centres if there are fewer.
        deterministic (bool): Draw no Gumbel noise in evaluation; False draws
            it there too, as published. Training always draws it.
        select (str): How the centres are chosen. ``'score'``: those with the
            largest assignment. ``'distance'``: those whose scaled copy of
            the embedding is nearest, as published. Both agree except where
            distances tie in floating point, which they often do for peaked
            assignments; there the published choice depends on rounding.

    Raises:
        ValueError: If ``select`` is unknown.
    """

    def __init__(
        self,
        audio_channels: int = 128,
        embed_dims: int = 320,
        num_clusters: int = 71,
        num_tokens: int = 5,
        deterministic: bool = True,
        select: Literal['score', 'distance'] = 'score',
    ) -> None:
        super().__init__()
        if select not in ('score', 'distance'):
            raise ValueError(
                f"select must be 'score' or 'distance', got {select!r}"
            )
        self.num_tokens = min(num_tokens, num_clusters)
        self.deterministic = deterministic
        self.select = select
        self.audio_proj = nn.Linear(audio_channels, embed_dims)
        self.centres = nn.Parameter(torch.randn(num_clusters, embed_dims))
        self.edge_s1 = nn.Linear(embed_dims, embed_dims)
        self.fusion_s1 = nn.Linear(embed_dims, embed_dims, bias=False)
        self.offset_s1 = nn.Linear(embed_dims, embed_dims)
        self.edge_s2 = nn.Linear(embed_dims, embed_dims)
        self.offset_s2 = nn.Linear(embed_dims, embed_dims)

    def init_weights(self) -> None:
        """Draw the linear weights; the centres are drawn when made."""
        for module in self.children():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=_INIT_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, embed: Tensor) -> Tensor:
        """Make tokens.

        Args:
            embed (Tensor): (N, A), not negative (after VGGish's last ReLU).

        Returns:
            Tensor: (N, num_tokens, E).
        """
        audio = self.audio_proj(embed)  # (N, E)
        noisy = self.training or not self.deterministic
        score = soft_assignment(audio @ self.centres.T, noisy=noisy)
        scaled = score[..., None] * audio[:, None]  # (N, K, E)
        chosen = self._choose(audio, score, scaled)  # (N, k)
        audio = audio[:, None]

        edge = F.gelu(self.edge_s1(self.centres[chosen] - audio))
        edge = edge * self.fusion_s1(edge).softmax(1)
        token = audio * (1 + self.offset_s1(audio + edge).tanh())

        nearest = scaled.gather(
            1, chosen[..., None].expand(-1, -1, scaled.shape[-1])
        )
        edge = F.gelu(self.edge_s2(nearest - token))
        return token * (1 + self.offset_s2(token + edge).tanh())

    def _choose(self, audio: Tensor, score: Tensor, scaled: Tensor) -> Tensor:
        """Indices (N, k) of the centres; their order has no effect."""
        if self.select == 'score':
            return score.topk(self.num_tokens, dim=1).indices
        distance = torch.cdist(audio[:, None], scaled)[:, 0]
        return distance.topk(self.num_tokens, dim=1, largest=False).indices

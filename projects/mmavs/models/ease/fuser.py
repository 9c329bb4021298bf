"""Add sound to patch tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmdet.models.layers import SinePositionalEncoding
from mmengine.model import BaseModule
from mmengine.model.weight_init import trunc_normal_
from mmseg.registry import MODELS
from torch import Tensor, nn

from .assignment import soft_assignment

_INIT_STD = 0.02
#: First factor of what bi-attention adds.
_GAMMA = 1e-4


@MODELS.register_module()
class EASEAligner(BaseModule):
    """Find the audio tokens that fit the frame; gate them into its patches.

    Behaviour follows ``ilpoviertola/EASE@12ab645:models/fusers``
    (``AVAligner``); reimplemented, no code taken. The paper describes the
    pooling of tokens with sigmoid scores; the published code has a softmax
    and a sum, and so has this class.

    Args:
        embed_dims (int): Width D of the patches.
        audio_dims (int): Width E of the audio tokens.
        num_heads (int): Attention heads M.
        num_clusters (int | None): Learned visual centres that patches are
            mixtures of. None takes the patches as they are, and every audio
            token as a key (the paper's ablation "without clustering").
        deterministic (bool): Draw no Gumbel noise in evaluation; False draws
            it there too, as published. Training always draws it.
    """

    def __init__(
        self,
        embed_dims: int,
        audio_dims: int = 320,
        num_heads: int = 8,
        num_clusters: int | None = 5,
        deterministic: bool = True,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.deterministic = deterministic
        self.clustered = num_clusters is not None
        self.audio_proj: nn.Module = nn.Identity()
        if audio_dims != embed_dims:
            self.audio_proj = nn.Linear(audio_dims, embed_dims, bias=False)
        if num_clusters is not None:
            self.centres = nn.Parameter(torch.randn(num_clusters, embed_dims))
            self.token_score = nn.Linear(embed_dims, 1)
        self.audio_q, self.visual_k, self.visual_v = _projections(embed_dims)
        self.visual_q, self.audio_k, self.audio_v = _projections(embed_dims)

    def init_weights(self) -> None:
        """Draw the six projections of the two attentions."""
        for module in (
            *(self.audio_q, self.visual_k, self.visual_v),
            *(self.visual_q, self.audio_k, self.audio_v),
        ):
            trunc_normal_(module.weight, std=_INIT_STD)

    def forward(
        self, patches: Tensor, tokens: Tensor, grid: tuple[int, int]
    ) -> Tensor:
        """Fuse.

        Args:
            patches (Tensor): (N, P, D), not normalised.
            tokens (Tensor): (N, k, E) audio tokens.
            grid (tuple[int, int]): Not used; P = h * w.

        Returns:
            Tensor: (N, P, D).
        """
        audio = self.audio_proj(tokens)  # (N, k, D)
        visual = patches
        if self.clustered:
            noisy = self.training or not self.deterministic
            weights = soft_assignment(patches @ self.centres.T, noisy=noisy)
            visual = weights @ self.centres
        heard = F.scaled_dot_product_attention(
            self._heads(self.audio_q(audio)),
            self._heads(self.visual_k(visual)),
            self._heads(self.visual_v(visual)),
        )
        heard = heard.transpose(1, 2).flatten(2)  # (N, k, D)
        if self.clustered:
            weights = self.token_score(heard).softmax(1)  # (N, k, 1)
            heard = (weights * audio).sum(1, keepdim=True)
        query = self._heads(self.visual_q(patches))
        key = self._heads(self.audio_k(heard))
        value = self._heads(self.audio_v(heard))
        # Sigmoid, not softmax: a patch may take no sound at all.
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        added = (scores.sigmoid() @ value).transpose(1, 2).flatten(2)
        return patches + added

    def _heads(self, x: Tensor) -> Tensor:
        return _split_heads(x, self.num_heads)


@MODELS.register_module()
class EASEBiAttention(BaseModule):
    """Attention between patches and audio tokens (the paper's ablation).

    Behaviour follows ``ilpoviertola/EASE@12ab645:models/fusers/
    bi_attention.py`` with one layer, as published, whose update of the audio
    tokens is not used and is left out here; reimplemented, no code taken.
    Unlike ``EASEAligner`` it normalises the patches, and the residual is
    added to the normalised ones.

    Args:
        embed_dims (int): Width D of the patches.
        audio_dims (int): Width E of the audio tokens.
        num_heads (int): Attention heads M.
        num_tokens (int): Audio tokens k.
        sigmoid (bool): Each patch weighs each token by a sigmoid, as
            published; False: each token distributes itself over the patches
            by a softmax.
        dropout (float): Of the weights in training.
    """

    def __init__(
        self,
        embed_dims: int,
        audio_dims: int = 320,
        num_heads: int = 8,
        num_tokens: int = 5,
        sigmoid: bool = True,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.sigmoid = sigmoid
        self.norm_visual = nn.LayerNorm(embed_dims)
        self.norm_audio = nn.LayerNorm(audio_dims)
        self.query = nn.Linear(embed_dims, embed_dims)
        self.key = nn.Linear(audio_dims, embed_dims)
        self.value = nn.Linear(audio_dims, embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)
        self.gamma = nn.Parameter(torch.full((embed_dims,), _GAMMA))
        self.audio_pos = nn.Embedding(num_tokens, audio_dims)
        self.visual_pos = SinePositionalEncoding(
            embed_dims // 2, normalize=True
        )
        self.dropout = nn.Dropout(dropout)

    def init_weights(self) -> None:
        """Draw the projections from Xavier's uniform, zero their biases."""
        for linear in (self.query, self.key, self.value, self.proj):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(
        self, patches: Tensor, tokens: Tensor, grid: tuple[int, int]
    ) -> Tensor:
        """Fuse.

        Args:
            patches (Tensor): (N, h * w, D), not normalised.
            tokens (Tensor): (N, k, E) audio tokens.
            grid (tuple[int, int]): (h, w).

        Returns:
            Tensor: (N, h * w, D).
        """
        visual, audio = self.norm_visual(patches), self.norm_audio(tokens)
        no_padding = patches.new_zeros((1, *grid), dtype=torch.bool)
        position = self.visual_pos(no_padding).flatten(2).transpose(1, 2)
        query, key, value = (
            _split_heads(x, self.num_heads)
            for x in (
                self.query(visual + position.to(visual.dtype)),
                self.key(audio + self.audio_pos.weight),
                self.value(audio),
            )
        )
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        weights = scores.sigmoid() if self.sigmoid else scores.softmax(-2)
        added = (self.dropout(weights) @ value).transpose(1, 2).flatten(2)
        return visual + self.gamma * self.proj(added)


def _split_heads(x: Tensor, num_heads: int) -> Tensor:
    """(N, S, D) -> (N, M, S, d)."""
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def _projections(dims: int) -> list[nn.Linear]:
    """Make the projections of queries, keys and values."""
    return [nn.Linear(dims, dims, bias=False) for _ in range(3)]

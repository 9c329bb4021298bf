"""Blocks of PVTv2 that the decode head owns."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch.nn.functional as F
from mmdet.models.backbones.pvt import MixFFN, PVTEncoderLayer
from torch import Tensor

from ..layers import swap_class, use_fused_attention
from ..layers.query_attention import self_attention_weights
from ..visual_backbones.pvt_v2 import REDUCTION_EPS, ChannelsLastMixFFN

#: Epsilon of the norms of blocks and stages.
NORM_EPS = 1e-6


class PVTSettings(NamedTuple):
    """Sizes of the stage whose last blocks the head owns.

    Attributes:
        embed_dims (int): Token width D.
        num_heads (int): Attention heads.
        mlp_channels (int): Hidden width of the MLP.
        sr_ratio (int): Spatial reduction of blocks without queries.
    """

    embed_dims: int
    num_heads: int
    mlp_channels: int
    sr_ratio: int


#: The third stage of each variant.
_SIZES = {'b5': PVTSettings(320, 5, 1280, 2)}


def pvt_settings(arch: str | dict) -> PVTSettings:
    """Look up the sizes of a stage.

    Args:
        arch (str | dict): ``'b5'``, or a dict of the fields of
            :class:`PVTSettings`.

    Returns:
        PVTSettings: The sizes.

    Raises:
        ValueError: If the name is unknown.
    """
    if not isinstance(arch, str):
        return PVTSettings(**arch)
    if arch not in _SIZES:
        raise ValueError(
            f'arch must be one of {sorted(_SIZES)} or a dict of sizes with '
            f"variant='pvtv2', got {arch!r}"
        )
    return _SIZES[arch]


class PVTBlock(PVTEncoderLayer):
    """PVTv2's block on patches: spatially reduced keys, MLP with convolution.

    Args:
        settings (PVTSettings): Of the stage.
        reduced (bool): Whether keys and values are spatially reduced.
    """

    def __init__(self, settings: PVTSettings, *, reduced: bool = True) -> None:
        super().__init__(
            settings.embed_dims,
            settings.num_heads,
            settings.mlp_channels,
            norm_cfg=dict(type='LN', eps=NORM_EPS),
            sr_ratio=settings.sr_ratio if reduced else 1,
            use_conv_ffn=True,
        )
        use_fused_attention(self)
        swap_class(self, MixFFN, ChannelsLastMixFFN)
        if reduced and settings.sr_ratio > 1:
            self.attn.norm.eps = REDUCTION_EPS


class PVTJointBlock(PVTBlock):
    """PVTv2's block on queries and patches, without spatial reduction.

    Behaviour follows ``ilpoviertola/EASE@12ab645:models/ease_pvt.py``;
    reimplemented on mmdet's block, no code taken. There the depthwise 3x3
    convolution of the MLP runs on all tokens, folded row by row into a
    square. Queries fill the first rows, and the patches that follow lose
    their places: neighbours in the square are not neighbours in the frame.

    Args:
        settings (PVTSettings): Of the stage.
    """

    def __init__(self, settings: PVTSettings) -> None:
        super().__init__(settings, reduced=False)

    def forward(
        self,
        x: Tensor,
        positions: None = None,
        allowed: Tensor | None = None,
    ) -> Tensor:
        """Transform tokens.

        Args:
            x (Tensor): (N, S, D), queries and patches.
            positions (None): Not used; ``DinoBlock`` has such an argument.
            allowed (Tensor | None): (N, S, S) bool, True where a row may
                attend to a column, for all heads.

        Returns:
            Tensor: (N, S, D).

        Raises:
            ValueError: If S is not a square number.
        """
        side = math.isqrt(x.shape[1])
        if side**2 != x.shape[1]:
            raise ValueError(
                "EASEHead(variant='pvtv2') folds queries and patches into a "
                f'square, but got {x.shape[1]} of them; change num_queries '
                f'by {side**2 - x.shape[1]} or +{(side + 1) ** 2 - x.shape[1]}'
                ' (published: 29 at 224x224, 49 at 384x384).'
            )
        x = x + self._attend(self.norm1(x), allowed)
        return self.ffn(self.norm2(x), (side, side), identity=x)

    def _attend(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        query, key, value = self._project(x)
        out = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if allowed is None else allowed[:, None],
        )
        return self.attn.attn.out_proj(out.transpose(1, 2).flatten(2))

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (N, M, S, d) each."""
        attention = self.attn.attn
        qkv = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)
        # (N, S, 3 * D) -> 3 x (N, M, S, d)
        qkv = qkv.unflatten(-1, (3, attention.num_heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        return query, key, value

    def attention(
        self, x: Tensor, positions: None, allowed: Tensor | None
    ) -> Tensor:
        """Compute the attention weights of the block.

        Args:
            x (Tensor): As in :meth:`forward`.
            positions (None): Not used.
            allowed (Tensor | None): As in :meth:`forward`.

        Returns:
            Tensor: (N, S, S), mean over heads.
        """
        query, key, _ = self._project(self.norm1(x))
        return self_attention_weights(query, key, allowed)

"""AVSegFormer's pixel decoder, which computes memory and mask feature."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmcv.ops import MultiScaleDeformableAttention
from mmdet.models.layers import (
    DeformableDetrTransformerEncoder,
    SinePositionalEncoding,
)
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..layers import use_compiled_attention, use_tiled_ffn


class AVSegFormerPixelDecoder(BaseModule):
    """Encode the coarse maps and add the result to the finest map.

    Call graph::

        forward(): input_projs -> encoder (all maps but the finest)
                   -> lateral_conv (the finest) -> output_conv

    Behaviour follows ``AVSegFormer@7083cb6:model/head/AVSegHead.py`` and
    ``model/utils/transformer.py``; reimplemented on mmdet's layers, no code
    taken.

    Args:
        in_channels (Sequence[int]): Channels of the visual maps, fine to
            coarse.
        embed_dims (int): Width C; a multiple of ``num_groups``.
        encoder (dict): Arguments of mmdet's
            ``DeformableDetrTransformerEncoder``; its number of levels is
            the number of maps minus 1.
        num_groups (int): Groups of the group norms.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        embed_dims: int,
        encoder: dict,
        num_groups: int = 32,
    ) -> None:
        super().__init__()
        # bias=True: 'auto' drops the bias of a convolution with a norm.
        conv = dict(bias=True, norm_cfg=dict(type='GN', num_groups=num_groups))
        self.input_projs = nn.ModuleList(
            ConvModule(channels, embed_dims, 1, act_cfg=None, **conv)
            for channels in in_channels
        )
        self.positional_encoding = SinePositionalEncoding(
            embed_dims // 2, normalize=False
        )
        self.level_embed = nn.Embedding(len(in_channels) - 1, embed_dims)
        self.encoder = DeformableDetrTransformerEncoder(**encoder)
        use_compiled_attention(self.encoder)
        use_tiled_ffn(self.encoder)
        self.lateral_conv = ConvModule(
            embed_dims, embed_dims, 1, act_cfg=None, **conv
        )
        self.output_conv = ConvModule(
            embed_dims, embed_dims, 3, padding=1, **conv
        )

    def init_weights(self) -> None:
        """Initialise as published.

        Weights follow Xavier's uniform distribution, the deformable attention
        its ring of offsets, level embeddings N(0, 1), and biases of
        convolutions PyTorch's default U(-b, b), b = 1 / sqrt(fan_in), which
        ``ConvModule`` sets to zero.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for module in self.modules():
            if isinstance(module, MultiScaleDeformableAttention):
                module.init_weights()
        nn.init.normal_(self.level_embed.weight)

    def forward(self, visual: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Encode the maps of each frame.

        Args:
            visual (Sequence[Tensor]): L + 1 maps (N, C_l, H_l, W_l), fine to
                coarse.

        Returns:
            tuple[Tensor, Tensor]: Memory (N, S, C), the S pixels of all L
            levels concatenated, and mask feature (N, C, H_0, W_0).
        """
        projected = [
            proj(x) for proj, x in zip(self.input_projs, visual, strict=True)
        ]
        finest, *maps = projected
        sizes = [tuple(x.shape[-2:]) for x in maps]
        memory = self._encode(maps, sizes)
        height, width = sizes[0]
        coarse = memory[:, : height * width].transpose(1, 2)
        mask_feature = self.lateral_conv(finest) + F.interpolate(
            coarse.unflatten(2, (height, width)),
            finest.shape[-2:],
            mode='bilinear',
            align_corners=False,
        )
        return memory, self.output_conv(mask_feature)

    def _encode(
        self, maps: list[Tensor], sizes: list[tuple[int, ...]]
    ) -> Tensor:
        rows = [x.flatten(2).transpose(1, 2) for x in maps]
        positions = [
            self._position(size, like=x) + embed
            for size, x, embed in zip(
                sizes, maps, self.level_embed.weight, strict=True
            )
        ]
        shapes = torch.tensor(sizes, device=maps[0].device)
        num_pixels = shapes.prod(1)
        return self.encoder(
            query=torch.cat(rows, dim=1),
            query_pos=torch.cat(positions)[None],
            key_padding_mask=None,
            spatial_shapes=shapes,
            level_start_index=num_pixels.cumsum(0) - num_pixels,
            # No frame is padded in space.
            valid_ratios=maps[0].new_ones(maps[0].shape[0], len(maps), 2),
        )

    def _position(self, size: tuple[int, ...], like: Tensor) -> Tensor:
        """Return (h * w, C), the same for every frame."""
        no_padding = like.new_zeros((1, *size), dtype=torch.bool)
        return self.positional_encoding(no_padding)[0].flatten(1).T

"""Pyramid Vision Transformer v2, used by AVSegFormer and TPAVI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmdet.models.backbones.pvt import (
    MixFFN,
    PVTEncoderLayer,
    PyramidVisionTransformerV2,
)
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..layers import swap_class, use_fused_attention

#: Epsilon of the norms after patch embeddings and spatial reductions. All
#: other norms have 1e-6, which mmdet uses for all norms.
REDUCTION_EPS = 1e-5


class ChannelsLastMixFFN(MixFFN):
    """mmdet's MLP of PVT, computed in the channels-last memory format.

    mmdet copies rows (N, H * W, C) to contiguous planes and back. Without the
    copies, the rows are an image in channels-last format, on which torch's
    3x3 depthwise convolution is two to five times as fast on the CPU. Results
    and parameter names are the same.
    """

    def forward(
        self,
        x: Tensor,
        hw_shape: tuple[int, int],
        identity: Tensor | None = None,
    ) -> Tensor:
        """Run the MLP.

        Args:
            x (Tensor): (N, H * W, C).
            hw_shape (tuple[int, int]): H and W.
            identity (Tensor | None): The residual; None uses ``x``.

        Returns:
            Tensor: (N, H * W, C).
        """
        planes = x.transpose(1, 2).unflatten(2, hw_shape)
        out = self.layers(planes).flatten(2).transpose(1, 2)
        return (x if identity is None else identity) + self.dropout_layer(out)


class CheckpointedLayer(PVTEncoderLayer):
    """mmdet's layer of PVT, computed again in the backward pass."""

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Run the layer.

        Args:
            x (Tensor): (N, H * W, C).
            hw_shape (tuple[int, int]): H and W.

        Returns:
            Tensor: (N, H * W, C).
        """
        if not self.training:
            return super().forward(x, hw_shape)
        forward = super().forward
        return checkpoint(forward, x, hw_shape, use_reentrant=False)


@MODELS.register_module()
class PVTv2(PyramidVisionTransformerV2):
    """mmdet's PVTv2 with the norms of the original release.

    https://arxiv.org/abs/2106.13797. Behaviour follows
    ``AVSegFormer@7083cb6:model/backbone/pvt.py``, which AVSBench shares;
    outputs agree to 1e-5. Weights come from the public ``pvt_v2_b5.pth``
    through ``tools/model_converters/pvt_v2.py``. The defaults are those of
    the variant B5, 81.4 M parameters.

    Args:
        embed_dims (int): Channels per head; stage i has
            ``embed_dims * num_heads[i]``.
        num_layers (tuple[int, ...]): Blocks of each stage.
        num_heads (tuple[int, ...]): Heads of each stage.
        mlp_ratios (tuple[int, ...]): Hidden width of each stage's MLP,
            relative to its input.
        sr_ratios (tuple[int, ...]): Spatial reduction of keys and values.
        drop_path_rate (float): Stochastic depth of the last block; the rate
            rises linearly from 0 in the first block.
        joint_blocks (int): Number of last blocks, and with them the norm, of
            the last stage in ``out_indices`` that belong to the decode head.
            The map of that stage is then not normalised, and the stages
            after it are left out.
        with_cp (bool): Recompute the blocks in the backward pass instead of
            keeping their activations: less memory, the same gradients.
        init_cfg (dict | None): Initialisation, usually
            ``dict(type='Pretrained', checkpoint=...)``; with ``prefix`` the
            file holds more than the backbone.
        kwargs: Other arguments of mmdet's ``PyramidVisionTransformerV2``.

    Raises:
        ValueError: If ``joint_blocks`` is not in 0..the blocks of the stage.
    """

    def __init__(
        self,
        *,
        embed_dims: int = 64,
        num_layers: tuple[int, ...] = (3, 6, 40, 3),
        num_heads: tuple[int, ...] = (1, 2, 5, 8),
        mlp_ratios: tuple[int, ...] = (4, 4, 4, 4),
        sr_ratios: tuple[int, ...] = (8, 4, 2, 1),
        drop_path_rate: float = 0.1,
        joint_blocks: int = 0,
        with_cp: bool = False,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            embed_dims=embed_dims,
            num_layers=num_layers,
            num_heads=num_heads,
            mlp_ratios=mlp_ratios,
            sr_ratios=sr_ratios,
            drop_path_rate=drop_path_rate,
            # A converted file already has this class's parameter names.
            convert_weights=False,
            # mmdet reads init_cfg.checkpoint as an attribute.
            init_cfg=ConfigDict(init_cfg) if init_cfg else None,
            **kwargs,
        )
        if joint_blocks:
            self._give_away(joint_blocks)
        use_fused_attention(self)
        for stage in self.layers:
            stage[0].norm.eps = REDUCTION_EPS
        swapped = swap_class(self, MixFFN, ChannelsLastMixFFN)
        assert swapped == len(list(self._blocks()))
        for block in self._blocks():
            if block.attn.sr_ratio > 1:
                block.attn.norm.eps = REDUCTION_EPS
        if with_cp:
            swap_class(self, PVTEncoderLayer, CheckpointedLayer)

    def init_weights(self) -> None:
        """Load or draw the weights."""
        if self.init_cfg and 'prefix' in self.init_cfg:
            # mmdet's method would load the file without the prefix.
            BaseModule.init_weights(self)
        else:
            super().init_weights()

    def _give_away(self, joint_blocks: int) -> None:
        """Remove what belongs to the decode head, and the stages after it."""
        last = max(self.out_indices)
        num_blocks = self.num_layers[last]
        if not 0 <= joint_blocks <= num_blocks:
            raise ValueError(
                f'joint_blocks must be in 0..{num_blocks}, got {joint_blocks}'
            )
        del self.layers[last + 1 :]
        stage = self.layers[last]
        stage[1] = stage[1][: num_blocks - joint_blocks]
        stage[2] = nn.Identity()

    def _blocks(self) -> Iterator[PVTEncoderLayer]:
        for stage in self.layers:
            yield from stage[1]

"""Decoder that fuses maps from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor


class ResidualUnit(BaseModule):
    """Two 3x3 convolutions with a rectified skip connection.

    The published unit applies ReLU to its input in place, so its skip
    connection adds the rectified input:
    ``relu(x) + conv2(relu(conv1(relu(x))))``. The published weights were
    trained this way.

    Args:
        channels (int): Width C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Refine a map.

        Args:
            x (Tensor): (N, C, H, W).

        Returns:
            Tensor: (N, C, H, W).
        """
        x = F.relu(x)
        return x + self.conv2(F.relu(self.conv1(x)))


class FusionBlock(BaseModule):
    """Add a map to the output of the coarser block, refine, and upsample.

    Args:
        channels (int): Width C.
        fuses (bool): False for the coarsest block, which has no coarser
            output to add to and therefore no ``res_unit1``. (Published
            checkpoints contain weights for it that were never used.)
    """

    def __init__(self, channels: int, *, fuses: bool = True) -> None:
        super().__init__()
        self.res_unit1 = ResidualUnit(channels) if fuses else None
        self.res_unit2 = ResidualUnit(channels)

    def forward(
        self, x: Tensor, coarser: Tensor | None, size: Sequence[int]
    ) -> Tensor:
        """Fuse two maps.

        Args:
            x (Tensor): (N, C, H, W), the map of this stage.
            coarser (Tensor | None): (N, C, H, W), output of the coarser
                block; None for the coarsest.
            size (Sequence[int]): (H', W') of the result.

        Returns:
            Tensor: (N, C, H', W').
        """
        if self.res_unit1 is not None:
            assert coarser is not None
            x = coarser + self.res_unit1(x)
        # align_corners as published; the head's resizing does not use it.
        return F.interpolate(
            self.res_unit2(x), tuple(size), mode='bilinear', align_corners=True
        )


class TPAVIFusionDecoder(BaseModule):
    """Fuse the maps of all stages, coarse to fine, at twice the finest size.

    Behaviour follows ``AVSBench@f7414af:avs_scripts/avss/model``;
    reimplemented, no code taken. Each block upsamples to the size of the next
    finer map, which is twice its own size in the published models.

    Args:
        channels (int): Width C.
        num_stages (int): Number of maps L.
    """

    def __init__(self, channels: int, num_stages: int = 4) -> None:
        super().__init__()
        self.fusions = nn.ModuleList(
            FusionBlock(channels, fuses=stage < num_stages - 1)
            for stage in range(num_stages)
        )

    def forward(
        self,
        maps: Sequence[Tensor],
        zero_padding: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Fuse the maps.

        Args:
            maps (Sequence[Tensor]): L maps (N, C, H_l, W_l), fine to coarse.
            zero_padding (Callable[[Tensor], Tensor]): Sets padded frames to
                zero; applied after every block, as published.

        Returns:
            Tensor: (N, C, 2 H_0, 2 W_0).
        """
        height, width = maps[0].shape[-2:]
        sizes = [(2 * height, 2 * width)]
        sizes += [tuple(finer.shape[-2:]) for finer in maps[:-1]]
        out = None
        for stage in reversed(range(len(maps))):
            fusion = self.fusions[stage]
            out = zero_padding(fusion(maps[stage], out, sizes[stage]))
        assert out is not None
        return out

"""From patch tokens to a finer map for masks."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn

#: EASE keeps this epsilon whatever the backbone's.
_NORM_EPS = 1e-6


class Upscaler(Sequential):
    """Double the size of a map several times, at constant width.

    Behaviour follows EoMT (``tue-mps/eomt@7bd19dd:models/scale_block.py``);
    reimplemented, no code taken.

    Args:
        embed_dims (int): Channels D.
        num_blocks (int): Doublings.
    """

    def __init__(self, embed_dims: int, num_blocks: int = 2) -> None:
        super().__init__(*[_ScaleBlock(embed_dims) for _ in range(num_blocks)])


class _ScaleBlock(BaseModule):
    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(embed_dims, embed_dims, 2, stride=2)
        self.conv2 = nn.Conv2d(
            embed_dims,
            embed_dims,
            3,
            padding=1,
            groups=embed_dims,
            bias=False,
        )
        self.norm = nn.LayerNorm(embed_dims, eps=_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, D, h, w) to (N, D, 2h, 2w)."""
        x = self.conv2(F.gelu(self.conv1(x)))
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

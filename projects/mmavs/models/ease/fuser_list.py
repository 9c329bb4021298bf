"""The fusers of a head, by the places where they run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmengine.model import ModuleList
from mmseg.registry import MODELS
from torch import Tensor


class FuserList(ModuleList):
    """One fuser for all places, or one per place.

    Args:
        cfg (dict | None): Config of a fuser; None builds none.
        places (Sequence[int]): Blocks that it runs before, ascending; the
            number of blocks stands for the place after the last one.
        share (bool): One fuser for all places.
        defaults (dict): Arguments that ``cfg`` need not give.
    """

    def __init__(
        self,
        cfg: dict | None,
        *,
        places: Sequence[int],
        share: bool,
        defaults: dict,
    ) -> None:
        num = 0
        if cfg is not None:
            num = min(len(places), 1) if share else len(places)
        super().__init__(
            [MODELS.build(cfg, default_args=defaults) for _ in range(num)]
        )
        self.places = tuple(places)

    def forward(
        self, x: Tensor, tokens: Tensor, grid: tuple[int, int], *, place: int
    ) -> Tensor:
        """Add sound to the patches, if a fuser runs at this place.

        Args:
            x (Tensor): (N, S, D), patches last.
            tokens (Tensor): (N, k, E) audio tokens.
            grid (tuple[int, int]): (h, w) of the patches.
            place (int): Block that follows.

        Returns:
            Tensor: (N, S, D).
        """
        if not len(self) or place not in self.places:
            return x
        fuser = self[self.places.index(place) % len(self)]
        num_patches = math.prod(grid)
        others = x[:, :-num_patches]
        patches = x[:, -num_patches:]
        return torch.cat([others, fuser(patches, tokens, grid)], 1)

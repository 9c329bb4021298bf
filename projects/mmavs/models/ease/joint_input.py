"""What the blocks that run on queries take, and masks of their attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

#: Class logits (N, Q, K + 1) and mask logits (N, Q, H, W).
Prediction = tuple[Tensor, Tensor]


class JointInput(NamedTuple):
    """Input of the joint blocks, one row for each of N frames.

    Attributes:
        x (Tensor): (N, R + P, D), prefix tokens and patches.
        tokens (Tensor): (N, k, E) audio tokens.
        queries (Tensor): (N, Q, D).
        rope (Tensor | None): (N, 2 * d, h, w) positions, None for DINOv2.
        prior (Tensor | None): (N, 1, h', w') masks of stage one.
    """

    x: Tensor
    tokens: Tensor
    queries: Tensor
    rope: Tensor | None
    prior: Tensor | None

    def select(self, rows: Sequence[int]) -> JointInput:
        """Keep some of the frames.

        Args:
            rows (Sequence[int]): Their positions in 0..N-1.

        Returns:
            JointInput: Of these frames, in this order.
        """
        chosen = list(rows)
        return JointInput(
            x=self.x[chosen],
            tokens=self.tokens[chosen],
            queries=self.queries[chosen],
            rope=None if self.rope is None else self.rope[chosen],
            prior=None if self.prior is None else self.prior[chosen],
        )


def inside_masks(
    masks: Tensor, grid: tuple[int, int], blocked_share: Tensor
) -> Tensor | None:
    """Patches that each query may attend to in training.

    Args:
        masks (Tensor): (N, Q, H, W) logits.
        grid (tuple[int, int]): (h, w) of the patches.
        blocked_share (Tensor): Share of the queries in [0, 1] that are
            restricted to their mask; the others are drawn at random.

    Returns:
        Tensor | None: (N, Q, h * w) bool, None if no query is restricted.
    """
    if blocked_share == 0:
        return None
    resized = F.interpolate(masks.detach(), grid, mode='bilinear')
    inside = resized.flatten(2) > 0
    if blocked_share < 1:
        draw = torch.rand(inside.shape[:2], device=inside.device)
        inside = inside | (draw > blocked_share)[..., None]
    return inside


def allow_attention(inside: Tensor | None, num_tokens: int) -> Tensor | None:
    """Where tokens may attend: everywhere, except queries to some patches.

    Args:
        inside (Tensor | None): (N, Q, P) bool; None allows everything.
        num_tokens (int): S = Q + R + P; queries first, patches last.

    Returns:
        Tensor | None: (N, S, S) bool. No row is empty, because queries may
        attend to queries and prefix tokens.
    """
    if inside is None:
        return None
    frames, queries, patches = inside.shape
    allowed = inside.new_ones(frames, num_tokens, num_tokens)
    allowed[:, :queries, -patches:] = inside
    return allowed


def as_rows(feature_map: Tensor) -> Tensor:
    """Fold a map into tokens.

    Args:
        feature_map (Tensor): (N, D, h, w).

    Returns:
        Tensor: (N, h * w, D).
    """
    return feature_map.flatten(2).transpose(1, 2)

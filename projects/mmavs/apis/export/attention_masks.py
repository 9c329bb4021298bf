"""The hard attention masks of AAVS, recorded and replaced.

A decoder layer attends where the mask logit of the layer before is not
negative. A logit within rounding of zero can have another sign in another
runtime; the pixel is then blocked in one of them only, and all later layers
differ by more than rounding. With equal masks the two can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ...models import AVSegmentor
from ...models.aavs import AAVSHead


class MaskFlips(NamedTuple):
    """Pixels that are blocked in one of two runtimes only.

    Attributes:
        flipped (int): Their number, over all layers, queries and frames.
        pixels (int): Number of all pixels of these masks.
        largest (float): Largest absolute value of their mask logits, computed
            with the other runtime's masks in all layers before.
    """

    flipped: int
    pixels: int
    largest: float


def has_attention_masks(model: AVSegmentor) -> bool:
    """Whether the queries of a model attend within hard masks."""
    return isinstance(model.decode_head, AAVSHead)


@contextmanager
def recorded_masks(model: AVSegmentor) -> Iterator[list[Tensor]]:
    """Record the masks of every layer inside the block.

    Args:
        model (AVSegmentor): See :func:`has_attention_masks`.

    Yields:
        list[Tensor]: Gets one mask (N, Q, h * w) bool, True where attention
        is blocked, before the first layer and after each layer.
    """
    masks: list[Tensor] = []
    head = model.decode_head
    original = head._forward_head

    def record(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
        cls_score, mask_logit, blocked = original(*args)
        # The heads of a query have equal masks.
        masks.append(blocked[:: head.num_heads])
        return cls_score, mask_logit, blocked

    with _replaced(head, record):
        yield masks


@contextmanager
def given_masks(
    model: AVSegmentor, masks: Sequence[Tensor]
) -> Iterator[list[MaskFlips]]:
    """Let the layers use the masks of another runtime inside the block.

    Args:
        model (AVSegmentor): See :func:`has_attention_masks`.
        masks (Sequence[Tensor]): Of the same clip, as from
            :func:`recorded_masks`, without the one after the last layer,
            which is not used.

    Yields:
        list[MaskFlips]: Gets one entry for each of the masks.
    """
    flips: list[MaskFlips] = []
    head = model.decode_head
    original = head._forward_head

    def replace(
        query: Tensor, mask_feature: Tensor, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        cls_score, mask_logit, blocked = original(query, mask_feature, size)
        if len(flips) == len(masks):
            return cls_score, mask_logit, blocked
        given = masks[len(flips)]
        differs = blocked[:: head.num_heads] != given
        logits = F.interpolate(
            mask_logit, size, mode='bilinear', align_corners=False
        ).flatten(2)
        count = int(differs.sum())
        largest = logits[differs].abs().max().item() if count else 0.0
        flips.append(MaskFlips(count, differs.numel(), largest))
        return (
            cls_score,
            mask_logit,
            given.repeat_interleave(head.num_heads, dim=0),
        )

    with _replaced(head, replace):
        yield flips


def total(flips: Sequence[MaskFlips]) -> MaskFlips:
    """Add the flips of all layers.

    Args:
        flips (Sequence[MaskFlips]): At least one.

    Returns:
        MaskFlips: Sums, and the largest logit.
    """
    counts, pixels, largest = zip(*flips, strict=True)
    return MaskFlips(sum(counts), sum(pixels), max(largest))


@contextmanager
def _replaced(head: nn.Module, function: Any) -> Iterator[None]:
    """Replace ``_forward_head`` of one instance."""
    head._forward_head = function
    try:
        yield
    finally:
        del head._forward_head

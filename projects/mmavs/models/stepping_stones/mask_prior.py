"""Condition a mask decoder on the masks of stage one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

_EMBED_STD = 0.02


class PriorGuidance(NamedTuple):
    """Inputs of a mask decoder after the prior is applied.

    Attributes:
        mask_feature (Tensor): (N, C, H, W).
        key_pos (list[Tensor]): L of (N, h*w, C).
        blocked (Tensor | None): (N, 1, h*w) bool of the first level, True
            where attention is blocked, for every query and head of the first
            layer; None keeps the decoder's own mask.
    """

    mask_feature: Tensor
    key_pos: list[Tensor]
    blocked: Tensor | None


@MODELS.register_module()
class MaskPrior(BaseModule):
    """Condition a mask decoder on the masks of stage one.

    The second stage of Stepping Stones (https://arxiv.org/abs/2407.11820,
    section 3.2), for any head with mask features and masked attention. It has
    three parts, each with an option::

        forward(): fuse()         -> mask feature
                   locate_keys()  -> positions of the keys, level by level
                   block()        -> attention mask of the first layer

    The paper's Table 4 ablates ``fuse_mask_feature`` ("mask fusion") and
    ``robust_key``; with both disabled, the prior still acts through
    ``init_attention``.

    Beyond the paper, a negative value (``mask_prior=dict(source='none')`` of
    a data set) means that there is no prior: nothing is added to the mask
    feature, the keys are uncertain, and no attention is blocked.

    Behaviour follows ``Stepping-Stones@de6a17b:avss/transformers/models/
    mask2former/modeling_mask2former.py``; reimplemented, no code taken.

    Args:
        embed_dims (int): Width C of the keys.
        fuse_mask_feature (bool): Add the prior to the mask feature.
        init_attention (bool): Restrict the first layer's attention to the
            prior.
        robust_key (bool): Mark keys as silent, uncertain or sounding.
        low (float): Keys with a prior <= low count as silent. 0.4 and 0.6
            are the published values, for hard masks; the first release used
            0.1 and 0.2 for soft ones (``low=0.1, high=0.2``).
        high (float): Keys with a prior >= high count as sounding.

    Raises:
        ValueError: If not 0 <= low < high <= 1.
    """

    def __init__(
        self,
        *,
        embed_dims: int,
        fuse_mask_feature: bool = True,
        init_attention: bool = True,
        robust_key: bool = True,
        low: float = 0.4,
        high: float = 0.6,
    ) -> None:
        super().__init__()
        if not 0 <= low < high <= 1:
            raise ValueError(
                'MaskPrior needs 0 <= low < high <= 1, got '
                f'low={low}, high={high}.'
            )
        self.fuse_mask_feature = fuse_mask_feature
        self.init_attention = init_attention
        self.robust_key = robust_key
        self.low = low
        self.high = high
        if robust_key:
            self.silence_embed = nn.Embedding(1, embed_dims)
            self.uncertain_embed = nn.Embedding(1, embed_dims)
            self.audio_embed = nn.Embedding(1, embed_dims)
            # Done here, because mmdet's heads do not initialise submodules
            # of other classes.
            for embed in self.children():
                nn.init.normal_(embed.weight, std=_EMBED_STD)

    def forward(
        self,
        mask_feature: Tensor,
        key_pos: Sequence[Tensor],
        sizes: Sequence[tuple[int, int]],
        prior: Tensor | None,
    ) -> PriorGuidance:
        """Apply the prior to a decoder's inputs.

        Args:
            mask_feature (Tensor): (N, C, H, W).
            key_pos (Sequence[Tensor]): L of (N, h*w, C).
            sizes (Sequence[tuple[int, int]]): L of (h, w); the first is that
                of the decoder's first layer.
            prior (Tensor | None): (N, 1, h, w) in [0, 1], or -1 without a
                prior, at any size, as ``ClipFeatures.mask_prior``.

        Returns:
            PriorGuidance: The new inputs; nothing is changed in place.

        Raises:
            ValueError: If there is no prior, or not one per frame.
        """
        prior = check_prior(prior, num_frames=len(mask_feature))
        return PriorGuidance(
            mask_feature=self.fuse(mask_feature, prior),
            key_pos=[
                self.locate_keys(pos, size, prior)
                for pos, size in zip(key_pos, sizes, strict=True)
            ],
            blocked=self.block(sizes[0], prior),
        )

    def fuse(self, mask_feature: Tensor, prior: Tensor | None) -> Tensor:
        """Add the prior to every channel of the mask feature (section 3.2).

        A head without masked attention needs only this (section 4.3).

        Args:
            mask_feature (Tensor): (N, C, H, W).
            prior (Tensor | None): (N, 1, h, w) in [0, 1] at any size.

        Returns:
            Tensor: (N, C, H, W).

        Raises:
            ValueError: If there is no prior, or not one per frame.
        """
        prior = check_prior(prior, num_frames=len(mask_feature))
        if not self.fuse_mask_feature:
            return mask_feature
        resized = _resize(prior, mask_feature.shape[-2:])
        return mask_feature + resized.clamp(min=0)

    def locate_keys(
        self, key_pos: Tensor, size: tuple[int, int], prior: Tensor
    ) -> Tensor:
        """Add an embedding to each key that depends on the prior.

        The paper's Robust Audio-aware Key Generator (section 3.2). Where the
        prior is confident, keys are marked silent or sounding; in between,
        where the first stage is often wrong, they are marked uncertain.

        Args:
            key_pos (Tensor): (N, h*w, C), position encoding of the keys.
            size (tuple[int, int]): Their (h, w).
            prior (Tensor): (N, 1, h', w').

        Returns:
            Tensor: (N, h*w, C).
        """
        if not self.robust_key:
            return key_pos
        score = _resize(prior, size).flatten(1)  # (N, h*w)
        # 0 silent, 1 uncertain, 2 sounding
        kind = (score > self.low).long() + (score >= self.high).long()
        kind = kind.masked_fill(score < 0, 1)
        table = torch.cat(
            [
                self.silence_embed.weight,
                self.uncertain_embed.weight,
                self.audio_embed.weight,
            ]
        )
        return key_pos + F.embedding(kind, table)

    def block(self, size: tuple[int, int], prior: Tensor) -> Tensor | None:
        """Compute the attention mask of the first layer (section 3.2).

        Args:
            size (tuple[int, int]): (h, w) of the first layer's keys.
            prior (Tensor): (N, 1, h', w').

        Returns:
            Tensor | None: See :class:`PriorGuidance`. A frame may be blocked
            completely; the decoder unblocks such rows as it does in its own
            masks.
        """
        if not self.init_attention:
            return None
        score = _resize(prior, size).flatten(2)
        return (score >= 0) & (score < 0.5)


def _resize(prior: Tensor, size: Sequence[int]) -> Tensor:
    """Resize as published: bilinear, without antialiasing."""
    return F.interpolate(
        prior, tuple(size), mode='bilinear', align_corners=False
    )


def check_prior(prior: Tensor | None, *, num_frames: int) -> Tensor:
    """Check the prior of a batch.

    Args:
        prior (Tensor | None): ``ClipFeatures.mask_prior``.
        num_frames (int): N.

    Returns:
        Tensor: The prior, (N, 1, h, w).

    Raises:
        ValueError: If there is no prior, or not one per frame.
    """
    if prior is None:
        raise ValueError(
            'the head has a MaskPrior, but the batch has no mask_prior: add '
            "dict(type='LoadMaskPrior') to the pipeline, after LoadClipMasks, "
            "and set mask_prior=dict(source='truth'|'files'|'degraded', ...) "
            'on the data set.'
        )
    if prior.dim() != 4 or prior.shape[:2] != (num_frames, 1):
        raise ValueError(
            f'mask_prior must be (N, 1, h, w) with N={num_frames} frames, '
            f'got {tuple(prior.shape)}; PackClip makes it from (T, h, w).'
        )
    return prior

"""Audio-visual matching loss of TPAVI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

MASKS = ('soft', 'hard', 'foreground')
DISTANCES = ('kl', 'cosine')
REDUCTIONS = ('sum', 'mean')
_EPS = 1e-6


@MODELS.register_module()
class TPAVIMatchingLoss(nn.Module):
    """Audio-visual matching loss of AVSBench, "AVM" in its paper.

    For each stage, the map is averaged over the predicted mask to a vector v
    per frame, which is compared with the projected audio a of that frame. The
    loss is the mean over stages. The published code has one loss per task:

    - MS3: ``mask='soft', distance='kl', reduction='sum'``. Summed over
      frames, its weight grows with the batch.
    - AVSS: ``mask='foreground', distance='kl', reduction='mean'``.
    - S4, off in the published runs: ``mask='hard', distance='cosine',
      reduction='mean', labelled_only=False``.

    Behaviour follows ``AVSBench@f7414af:avs_scripts/{avs_s4,avs_ms3,avss}/
    loss.py``; reimplemented, no code taken.

    Args:
        mask (str): ``'soft'``: sigmoid of the pooled logit, and v is the mean
            of map times mask over all pixels. ``'hard'``: pooled sigmoid
            above 0.5, and v is the mean over the mask's pixels.
            ``'foreground'``: pooled fraction of pixels whose class is not the
            background, v as for ``'soft'``; the logits get no gradient.
        distance (str): ``'kl'`` of softmax(v) from softmax(a), summed over
            channels, or ``'cosine'``: -ln of the cosine's positive part.
        reduction (str): ``'sum'`` or ``'mean'`` over frames.
        labelled_only (bool): Ignore frames without label.
        background (int): Class id of the background, for ``'foreground'``.
            0 is correct; the released AVSS weights were trained with 70, see
            AVSBench's issue 23.
        stages (Sequence[int]): Stages to compare.
        loss_weight (float): The published lambda.

    Raises:
        ValueError: If an option is unknown, or ``stages`` is empty.
    """

    def __init__(
        self,
        *,
        mask: Literal['soft', 'hard', 'foreground'],
        distance: Literal['kl', 'cosine'] = 'kl',
        reduction: Literal['sum', 'mean'],
        labelled_only: bool = True,
        background: int = 0,
        stages: Sequence[int] = (0, 1, 2, 3),
        loss_weight: float = 0.5,
    ) -> None:
        super().__init__()
        for name, value, known in (
            ('mask', mask, MASKS),
            ('distance', distance, DISTANCES),
            ('reduction', reduction, REDUCTIONS),
        ):
            if value not in known:
                raise ValueError(
                    f'{name} must be one of {known}, got {value!r}'
                )
        if not stages:
            raise ValueError(
                'stages must name at least one stage; for no matching loss '
                'leave loss_match of the head at None.'
            )
        self.mask = mask
        self.distance = distance
        self.reduction = reduction
        self.labelled_only = labelled_only
        self.background = background
        self.stages = tuple(stages)
        self.loss_weight = loss_weight

    def forward(
        self,
        logits: Tensor,
        maps: Sequence[Tensor],
        audio: Sequence[Tensor],
        labelled: Tensor,
    ) -> Tensor:
        """Compute the loss.

        Args:
            logits (Tensor): (N, K, H, W), K = 1 unless the mask is
                ``'foreground'``.
            maps (Sequence[Tensor]): (N, C, H_l, W_l) of each of ``stages``.
            audio (Sequence[Tensor]): (N, C) of each of ``stages``.
            labelled (Tensor): (N,) bool.

        Returns:
            Tensor: Scalar, weighted.
        """
        rows = labelled if self.labelled_only else torch.ones_like(labelled)
        weight = rows.to(logits.dtype)
        whole = self._whole_mask(logits)
        total = logits.new_zeros(())
        for visual, sound in zip(maps, audio, strict=True):
            per_frame = self._compare(self._masked_mean(whole, visual), sound)
            total = total + (per_frame * weight).sum()
        if self.reduction == 'mean':
            # Without a labelled frame the sum is zero; avoid 0 / 0.
            total = total / weight.sum().clamp(min=1)
        return self.loss_weight * total / len(self.stages)

    def _whole_mask(self, logits: Tensor) -> Tensor:
        """Return the mask to pool to the size of each stage, (N, 1, H, W)."""
        if self.mask == 'soft':
            return logits
        if self.mask == 'hard':
            return logits.sigmoid()
        classes = logits.argmax(1, keepdim=True)
        return (classes != self.background).to(logits.dtype)

    def _masked_mean(self, whole: Tensor, visual: Tensor) -> Tensor:
        """Average a map under the mask: (N, C)."""
        height, width = visual.shape[-2:]
        mask = F.adaptive_avg_pool2d(whole, (height, width))
        if self.mask == 'hard':
            mask = (mask > 0.5).to(visual.dtype)
            area = mask.sum((-2, -1))  # (N, 1)
            return (visual * mask).sum((-2, -1)) / (area + _EPS)
        if self.mask == 'soft':
            mask = mask.sigmoid()
        return (visual * mask).mean((-2, -1))

    def _compare(self, seen: Tensor, sound: Tensor) -> Tensor:
        """Return the distance of each frame, (N,)."""
        if self.distance == 'kl':
            return F.kl_div(
                seen.log_softmax(-1),
                sound.log_softmax(-1),
                reduction='none',
                log_target=True,
            ).sum(-1)
        cosine = (F.normalize(seen) * F.normalize(sound)).sum(-1)
        return -(F.relu(cosine) + _EPS).log()

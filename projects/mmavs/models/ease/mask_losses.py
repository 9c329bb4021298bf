"""Mask2Former's losses for a head without Mask2Former's decoder."""

from __future__ import annotations

from typing import Any

from mmdet.registry import TASK_UTILS
from mmengine.model import BaseModule
from mmseg.models.decode_heads import Mask2FormerHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmavs.structures import UNLABELLED, ClipFeatures


class LabelledFrameLosses(Mask2FormerHead):
    """Matching, losses and prediction of mmseg's ``Mask2FormerHead``.

    Pixel decoder, transformer decoder and ``forward`` are the subclass's.

    Args:
        num_classes (int): K, background (id 0) among them.
        loss_cls (dict): Loss of the classes, with K + 1 class weights.
        loss_mask (dict): Loss of the masks at sampled points.
        loss_dice (dict): Loss of the masks at sampled points.
        train_cfg (dict): ``assigner``, ``sampler``, ``num_points``,
            ``oversample_ratio`` and ``importance_sample_ratio`` of mmdet's
            ``Mask2FormerHead``.
        init_cfg (dict | None): Initialisation.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        loss_cls: dict,
        loss_mask: dict,
        loss_dice: dict,
        train_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        # Not mmdet's constructor: it builds a pixel decoder and a decoder.
        BaseModule.__init__(self, init_cfg)
        self.num_classes = self.out_channels = num_classes
        self.align_corners = False
        self.ignore_index = UNLABELLED
        self._set_losses(loss_cls, loss_mask, loss_dice, train_cfg)

    def _set_losses(
        self, loss_cls: dict, loss_mask: dict, loss_dice: dict, cfg: dict
    ) -> None:
        """Set what mmdet's ``loss_by_feat`` reads."""
        self.class_weight = loss_cls['class_weight']
        self.loss_cls = MODELS.build(loss_cls)
        self.loss_mask = MODELS.build(loss_mask)
        self.loss_dice = MODELS.build(loss_dice)
        self.assigner = TASK_UTILS.build(cfg['assigner'])
        self.sampler = TASK_UTILS.build(
            cfg['sampler'], default_args=dict(context=self)
        )
        self.num_points = cfg.get('num_points', 12544)
        self.oversample_ratio = cfg.get('oversample_ratio', 3.0)
        self.importance_sample_ratio = cfg.get('importance_sample_ratio', 0.75)

    def loss(
        self,
        features: ClipFeatures,
        data_samples: list[SegDataSample],
        train_cfg: Any,
    ) -> dict[str, Tensor]:
        """Compute the set loss of every prediction on the labelled frames.

        Args:
            features (ClipFeatures): Features of N frames.
            data_samples (list[SegDataSample]): N samples with
                ``gt_sem_seg``; frames of 255 alone have no label and are
                left out.
            train_cfg (Any): Not used; part of mmseg's signature.

        Returns:
            dict[str, Tensor]: ``loss_cls``, ``loss_mask`` and ``loss_dice``
            of the last prediction, ``d{i}.loss_*`` of the others.
        """
        labelled = [
            n
            for n, sample in enumerate(data_samples)
            if bool((sample.gt_sem_seg.data != UNLABELLED).any())
        ]
        classes, masks = self(features, data_samples)
        if not labelled:
            # Keeps every parameter in the graph, as DDP needs.
            total = sum(output.sum() for output in (*classes, *masks))
            return {'loss_cls': 0 * total}
        instances, metas = self._seg_data_to_instance_data(
            [data_samples[n] for n in labelled]
        )
        return self.loss_by_feat(
            [output[labelled] for output in classes],
            [output[labelled] for output in masks],
            instances,
            metas,
        )

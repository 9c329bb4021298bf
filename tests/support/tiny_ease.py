"""A small EASE head and what its backbone and audio backbone would give."""

from __future__ import annotations

from typing import Any

import torch
from mmavs.models.ease import EASEHead
from mmavs.models.visual_backbones import DinoViT
from mmavs.structures import ClipFeatures
from torch import Tensor

ARCH = dict(embed_dims=64, num_layers=4, num_heads=4, mlp_channels=128)
NUM_QUERIES = 10


def mask_losses(num_classes: int) -> dict[str, Any]:
    """Mask2Former's losses with few points."""
    return dict(
        loss_cls=dict(
            type='mmdet.CrossEntropyLoss',
            use_sigmoid=False,
            loss_weight=2.0,
            reduction='mean',
            class_weight=[1.0] * num_classes + [0.1],
        ),
        loss_mask=dict(
            type='mmdet.CrossEntropyLoss',
            use_sigmoid=True,
            reduction='mean',
            loss_weight=5.0,
        ),
        loss_dice=dict(
            type='mmdet.DiceLoss',
            use_sigmoid=True,
            activate=True,
            reduction='mean',
            naive_dice=True,
            eps=1.0,
            loss_weight=5.0,
        ),
        train_cfg=dict(
            num_points=256,
            assigner=dict(
                type='mmdet.HungarianAssigner',
                match_costs=[
                    dict(type='mmdet.ClassificationCost', weight=2.0),
                    dict(
                        type='mmdet.CrossEntropyLossCost',
                        weight=5.0,
                        use_sigmoid=True,
                    ),
                    dict(
                        type='mmdet.DiceCost',
                        weight=5.0,
                        pred_act=True,
                        eps=1.0,
                    ),
                ],
            ),
            sampler=dict(type='mmdet.MaskPseudoSampler'),
        ),
    )


def tiny_head(num_classes: int = 2, **options: Any) -> EASEHead:
    """Two joint blocks of width 64, seeded."""
    torch.manual_seed(0)
    defaults = dict(
        arch=ARCH,
        num_classes=num_classes,
        num_queries=NUM_QUERIES,
        audio_enhancer=dict(type='EASEClusterEnhancer', num_clusters=12),
        query_generator=dict(),
        fuser=dict(type='EASEAligner'),
        num_blocks=2,
        joint_blocks=2,
        fuse_before=(0, 1),
        **mask_losses(num_classes),
    )
    return EASEHead(**{**defaults, **options})


def tiny_features(
    num_frames: int = 3, num_blocks: int = 2, **options: Any
) -> ClipFeatures:
    """Seeded tokens of frames of 48 x 64 and seeded sound."""
    torch.manual_seed(1)
    backbone = DinoViT(ARCH, joint_blocks=num_blocks, **options).eval()
    backbone.init_weights()
    frames = torch.randn(num_frames, 3, 48, 64)
    audio: Tensor = torch.rand(num_frames, 128)
    return ClipFeatures(
        visual=backbone(frames),
        audio_embed=audio,
        mask_prior=None,
        num_frames=(num_frames,),
    )

"""A small EASE head and what its backbone and audio backbone would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmavs.models.ease import EASEHead
from mmavs.models.visual_backbones import DinoViT
from mmavs.structures import ClipFeatures
from mmengine.config import Config
from torch import Tensor

ARCH = dict(embed_dims=64, num_layers=4, num_heads=4, mlp_channels=128)
NUM_QUERIES = 10
CONFIG = Path(__file__).parents[2] / 'configs/_base_/models/ease_vit-b.py'
_LOSSES = ('loss_cls', 'loss_mask', 'loss_dice', 'train_cfg')


def mask_losses(num_classes: int) -> dict[str, Any]:
    """Mask2Former's losses with few points."""
    head = Config.fromfile(CONFIG).model.decode_head.to_dict()
    losses = {name: head[name] for name in _LOSSES}
    losses['loss_cls']['class_weight'] = [1.0] * num_classes + [0.1]
    losses['train_cfg']['num_points'] = 256
    return losses


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

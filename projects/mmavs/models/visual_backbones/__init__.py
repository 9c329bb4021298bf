"""Visual backbones that the systems share."""

from .dino_vit import DinoViT
from .pvt_v2 import PVTv2

__all__ = ['DinoViT', 'PVTv2']

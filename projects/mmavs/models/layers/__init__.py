"""Layers that the systems share."""

from .adapter import AdaptedLinear, Adapter, init_adapters
from .deformable_attention import MultiScaleDeformableAttention

__all__ = [
    'AdaptedLinear',
    'Adapter',
    'MultiScaleDeformableAttention',
    'init_adapters',
]

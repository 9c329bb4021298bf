"""Layers that the systems share."""

from .adapter import AdaptedLinear, Adapter, init_adapters
from .deformable_attention import (
    MultiScaleDeformableAttention,
    use_compiled_attention,
)

__all__ = [
    'AdaptedLinear',
    'Adapter',
    'MultiScaleDeformableAttention',
    'init_adapters',
    'use_compiled_attention',
]

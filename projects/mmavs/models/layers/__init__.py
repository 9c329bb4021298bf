"""Layers that the systems share."""

from .adapter import AdaptedLinear, Adapter, init_adapters
from .deformable_attention import (
    MultiScaleDeformableAttention,
    use_compiled_attention,
)
from .enlarged_conv import EnlargedConv2d
from .frozen_conv import FrozenConv2d
from .fused_attention import (
    FusedMultiheadAttention,
    use_fused_attention,
    use_row_major_attention,
)
from .nnpack_conv import use_nnpack_conv, uses_nnpack
from .onednn_linear import linear, linear_gelu, use_onednn_linear
from .query_attention import AttentionRecord, watch_multihead
from .sign_relu import SignReLU
from .swap_class import swap_class
from .tiled_ffn import use_tiled_ffn
from .window_attention import use_fused_window_attention

__all__ = [
    'AdaptedLinear',
    'Adapter',
    'AttentionRecord',
    'EnlargedConv2d',
    'FrozenConv2d',
    'FusedMultiheadAttention',
    'MultiScaleDeformableAttention',
    'SignReLU',
    'init_adapters',
    'linear',
    'linear_gelu',
    'swap_class',
    'use_compiled_attention',
    'use_fused_attention',
    'use_fused_window_attention',
    'use_nnpack_conv',
    'use_onednn_linear',
    'use_row_major_attention',
    'use_tiled_ffn',
    'uses_nnpack',
    'watch_multihead',
]

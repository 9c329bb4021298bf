"""AVSegFormer (https://arxiv.org/abs/2307.01146)."""

from .channel_mixer import AVSegFormerChannelMixer
from .head import AVSegFormerHead
from .mask_head import AVSegFormerMaskHead
from .pixel_decoder import AVSegFormerPixelDecoder
from .query_generator import AVSegFormerQueryGenerator

__all__ = [
    'AVSegFormerChannelMixer',
    'AVSegFormerHead',
    'AVSegFormerMaskHead',
    'AVSegFormerPixelDecoder',
    'AVSegFormerQueryGenerator',
]

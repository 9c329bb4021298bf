"""AAVS, the system of the Stepping Stones paper."""

from .aavs import AAVS
from .adapter_swin import AdapterSwin
from .audio_query import AudioQueryGenerator
from .head import AAVSHead
from .pixel_decoder import AdapterPixelDecoder
from .transformer_decoder import AdapterSelfAttention

__all__ = [
    'AAVS',
    'AAVSHead',
    'AdapterPixelDecoder',
    'AdapterSelfAttention',
    'AdapterSwin',
    'AudioQueryGenerator',
]

"""EASE: encoder-only audio-visual segmentation."""

from .audio_enhancer import EASEClusterEnhancer, EASELinearEnhancer
from .fuser import EASEAligner, EASEBiAttention
from .head import EASEHead

__all__ = [
    'EASEAligner',
    'EASEBiAttention',
    'EASEClusterEnhancer',
    'EASEHead',
    'EASELinearEnhancer',
]

"""EASE: encoder-only audio-visual segmentation."""

from .audio_enhancer import EASEClusterEnhancer, EASELinearEnhancer
from .fuser import EASEAligner
from .head import EASEHead

__all__ = [
    'EASEAligner',
    'EASEClusterEnhancer',
    'EASEHead',
    'EASELinearEnhancer',
]

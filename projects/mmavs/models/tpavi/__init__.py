"""TPAVI, the system that was published with AVSBench."""

from .block import TPAVIBlock, split_windows
from .fusion_decoder import TPAVIFusionDecoder
from .head import TPAVIHead
from .losses import TPAVIMatchingLoss
from .neck import TPAVINeck

__all__ = [
    'TPAVIBlock',
    'TPAVIFusionDecoder',
    'TPAVIHead',
    'TPAVIMatchingLoss',
    'TPAVINeck',
    'split_windows',
]

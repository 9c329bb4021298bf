"""Models: segmentors, heads, backbones and the data preprocessor."""

from .aavs import (
    AAVS,
    AAVSHead,
    AdapterPixelDecoder,
    AdapterSwin,
    AudioQueryGenerator,
)
from .audio_backbones import LogMelCNN, TransformersAudio, VGGish
from .avsegformer import AVSegFormerHead
from .data_preprocessor import AVSDataPreprocessor
from .ease import (
    EASEAligner,
    EASEBiAttention,
    EASEClusterEnhancer,
    EASEHead,
    EASELinearEnhancer,
)
from .segmentor import AVSegmentor
from .stepping_stones import MaskPrior, build_fusion_prior
from .tpavi import (
    TPAVIBlock,
    TPAVIFusionDecoder,
    TPAVIHead,
    TPAVIMatchingLoss,
    TPAVINeck,
)
from .visual_backbones import DinoViT, PVTv2

__all__ = [
    'AAVS',
    'AAVSHead',
    'AVSDataPreprocessor',
    'AVSegFormerHead',
    'AVSegmentor',
    'AdapterPixelDecoder',
    'AdapterSwin',
    'AudioQueryGenerator',
    'DinoViT',
    'EASEAligner',
    'EASEBiAttention',
    'EASEClusterEnhancer',
    'EASEHead',
    'EASELinearEnhancer',
    'LogMelCNN',
    'MaskPrior',
    'PVTv2',
    'TPAVIBlock',
    'TPAVIFusionDecoder',
    'TPAVIHead',
    'TPAVIMatchingLoss',
    'TPAVINeck',
    'TransformersAudio',
    'VGGish',
    'build_fusion_prior',
]

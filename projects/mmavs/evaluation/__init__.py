"""Metrics by named protocols, and the dump of predicted masks."""

from .binary_metric import AVSBinaryMetric
from .clip_analysis import ClipAnalyses
from .clip_metric import ClipMetric
from .mask_dump import MaskDump
from .predicted_masks import PredictedMasks
from .semantic_metric import AVSSemanticMetric

__all__ = [
    'AVSBinaryMetric',
    'AVSSemanticMetric',
    'ClipAnalyses',
    'ClipMetric',
    'MaskDump',
    'PredictedMasks',
]

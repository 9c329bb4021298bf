"""Metrics, with the protocol's name on every number, and mask files."""

from .binary_metric import AVSBinaryMetric
from .clip_metric import ClipMetric
from .mask_dump import MaskDump
from .semantic_metric import AVSSemanticMetric

__all__ = ['AVSBinaryMetric', 'AVSSemanticMetric', 'ClipMetric', 'MaskDump']

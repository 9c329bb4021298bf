"""Clips: the data set, its transforms, and synthetic clips."""

from . import transforms
from .avsbench import AVSBenchDataset
from .metainfo import AVSBENCH_CLASSES, AVSBENCH_PALETTE

__all__ = [
    'AVSBENCH_CLASSES',
    'AVSBENCH_PALETTE',
    'AVSBenchDataset',
    'transforms',
]

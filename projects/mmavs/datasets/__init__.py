"""Clips: data sets, their transforms, and synthetic clips."""

from . import transforms
from .avsbench import AVSBenchDataset
from .base_clip import BaseClipDataset, build_unread
from .metainfo import AVSBENCH_CLASSES, AVSBENCH_PALETTE
from .vpo import VPO_CLASSES, VPODataset
from .wrappers import iter_datasets

__all__ = [
    'AVSBENCH_CLASSES',
    'AVSBENCH_PALETTE',
    'AVSBenchDataset',
    'BaseClipDataset',
    'VPODataset',
    'VPO_CLASSES',
    'build_unread',
    'iter_datasets',
    'transforms',
]

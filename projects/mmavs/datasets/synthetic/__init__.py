"""Synthetic clips that can only be segmented with their sound."""

from .blind import blind_miou
from .classes import SYNTHETIC_CLASSES
from .sampling import sample_scene
from .video import write_video
from .writer import write_dataset

__all__ = [
    'SYNTHETIC_CLASSES',
    'blind_miou',
    'sample_scene',
    'write_dataset',
    'write_video',
]

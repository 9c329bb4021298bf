"""Transforms that work on whole clips."""

from .audio import LoadWaveform, LogMel, Waveform
from .formatting import PackClip, clip_collate
from .geometry import (
    ClipColorJitter,
    ClipRandomCrop,
    ClipRandomFlip,
    ClipResize,
    ClipResizeCenterCrop,
)
from .loading import LoadClipFrames, LoadClipMasks
from .mask_prior import LoadMaskPrior

__all__ = [
    'ClipColorJitter',
    'ClipRandomCrop',
    'ClipRandomFlip',
    'ClipResize',
    'ClipResizeCenterCrop',
    'LoadClipFrames',
    'LoadClipMasks',
    'LoadMaskPrior',
    'LoadWaveform',
    'LogMel',
    'PackClip',
    'Waveform',
    'clip_collate',
]

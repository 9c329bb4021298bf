"""Transforms that work on whole clips."""

from ..waveform import Waveform
from .audio_front_end import AudioFrontEnd, AudioRows
from .audio_windows import AudioWindows
from .formatting import PackClip, clip_collate
from .geometry import (
    ClipColorJitter,
    ClipRandomCrop,
    ClipRandomFlip,
    ClipResize,
    ClipResizeCenterCrop,
)
from .load_waveform import LoadWaveform
from .loading import LoadClipFrames, LoadClipMasks
from .log_mel import LogMel
from .mask_prior import LoadMaskPrior
from .negative_sound import NegativeSound
from .packed_pictures import PackedPictures, pack_pipeline
from .replace_sound import ReplaceSound
from .scale_jitter import ClipScaleJitter

__all__ = [
    'AudioFrontEnd',
    'AudioRows',
    'AudioWindows',
    'ClipColorJitter',
    'ClipRandomCrop',
    'ClipRandomFlip',
    'ClipResize',
    'ClipResizeCenterCrop',
    'ClipScaleJitter',
    'LoadClipFrames',
    'LoadClipMasks',
    'LoadMaskPrior',
    'LoadWaveform',
    'LogMel',
    'NegativeSound',
    'PackClip',
    'PackedPictures',
    'ReplaceSound',
    'Waveform',
    'clip_collate',
    'pack_pipeline',
]

"""Use a trained model on real frames, sound and video files."""

from .inferencer import AVSInferencer, ClipPrediction
from .video_io import (
    ScannedVideo,
    Video,
    VideoFacts,
    iter_seconds,
    read_video,
    scan_video,
)
from .video_overlay import check_output, write_overlay

__all__ = [
    'AVSInferencer',
    'ClipPrediction',
    'ScannedVideo',
    'Video',
    'VideoFacts',
    'check_output',
    'iter_seconds',
    'read_video',
    'scan_video',
    'write_overlay',
]

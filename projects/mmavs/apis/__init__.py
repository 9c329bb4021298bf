"""Use a trained model on frames and sound, and on video files."""

from .inferencer import AVSInferencer
from .prediction import ClipPrediction
from .video_batch import VideoOutcome, segment_many
from .video_folder import (
    ResultKind,
    VideoOptions,
    segment_smoothly,
    segment_to_folder,
)
from .video_prediction import VideoPrediction
from .video_timeline import write_timeline
from .windows import SoundWindow

__all__ = [
    'AVSInferencer',
    'ClipPrediction',
    'ResultKind',
    'SoundWindow',
    'VideoOptions',
    'VideoOutcome',
    'VideoPrediction',
    'segment_many',
    'segment_smoothly',
    'segment_to_folder',
    'write_timeline',
]

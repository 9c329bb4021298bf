"""Use a trained model on frames and sound, and on video files."""

from .inferencer import AVSInferencer
from .prediction import ClipPrediction
from .windows import SoundWindow

__all__ = ['AVSInferencer', 'ClipPrediction', 'SoundWindow']

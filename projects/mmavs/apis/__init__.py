"""Use a trained model on frames and sound, and on video files."""

from .inferencer import AVSInferencer, ClipPrediction

__all__ = ['AVSInferencer', 'ClipPrediction']

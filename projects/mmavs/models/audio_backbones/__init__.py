"""Audio backbones, which map rows of audio to embeddings and tokens."""

from .log_mel_cnn import LogMelCNN
from .transformers_audio import TransformersAudio
from .vggish import VGGish

__all__ = ['LogMelCNN', 'TransformersAudio', 'VGGish']

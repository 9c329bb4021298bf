"""A tiny AST of transformers, from random weights, as audio backbone.

An example of a model of transformers that takes raw waveform. To load weights
from a local folder, set audio_backbone=dict(type='TransformersAudio',
folder=...). Needs the extra mmavs[transformers]. No expected metric.
Train: python tools/train.py configs/synthetic/aavs_tiny_ms3-96x96_ast.py
"""

_base_ = [
    '../_base_/models/aavs_tiny.py',
    '../_base_/datasets/synthetic_ms3_96x96_windows.py',
    '../_base_/schedules/synthetic_adamw.py',
    '../_base_/default_runtime.py',
]

model = dict(
    audio_backbone=dict(
        _delete_=True,  # LogMelCNN takes other arguments
        type='TransformersAudio',
        sample_rate=16000,
        architecture='ast',
        config=dict(
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
            num_mel_bins=64,
            max_length=100,
            frequency_stride=16,
            time_stride=16,
        ),
        extractor=dict(num_mel_bins=64, max_length=100),
        frozen=False,
    ),
    decode_head=dict(audio_channels=64),
)

"""A tiny audio encoder of CLAP, from random weights, as audio backbone.

See aavs_tiny_ms3-96x96_ast.py. Published CLAP takes 48,000 samples per second.
Train: python tools/train.py configs/synthetic/aavs_tiny_ms3-96x96_clap.py
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
        architecture='clap',
        config=dict(
            num_mel_bins=32,
            spec_size=64,
            window_size=4,
            depths=[1, 1],
            num_attention_heads=[2, 4],
            patch_embeds_hidden_size=32,
            hidden_size=64,
            projection_dim=32,
        ),
        extractor=dict(
            feature_size=32,
            sampling_rate=16000,
            max_length_s=1,
            hop_length=160,
            fft_window_size=512,
            frequency_max=8000,
            truncation='rand_trunc',
        ),
        frozen=False,
    ),
    decode_head=dict(audio_channels=64),
)

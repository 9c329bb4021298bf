"""The model of `make demo`, trained with silence and noise as negatives.

A fifth of the training clips get silence or noise and blank masks. Compare
with tools/robustness.py and docs/metrics.md.
Train: python tools/train.py \
    configs/synthetic/aavs_tiny_ms3-96x96_negative-sound.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

frame_size = (96, 96)
mask_size = (96, 96)

train_pipeline = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='binary', size=mask_size),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='NegativeSound', prob=0.2, silence=0.5, noise=0.5),
    dict(type='LogMel', cache_dir='work_dirs/log_mel_cache'),
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

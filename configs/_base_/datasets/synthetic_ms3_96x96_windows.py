# The synthetic MS3-like clips with windows of raw waveform, 1 s at 16 kHz,
# for audio backbones that have a front end of their own.
_base_ = ['./synthetic_ms3_96x96.py']

frame_size = (96, 96)
mask_size = (96, 96)

pipeline = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='binary', size=mask_size),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='AudioWindows', seconds=1.0),
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip', audio_key='audio_windows'),
]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))

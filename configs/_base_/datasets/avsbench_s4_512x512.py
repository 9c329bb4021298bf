# S4 as AVSegFormer reads it: what is stored at 224 is enlarged to 512, the
# truth too, and metrics are taken there.
_base_ = ['./avsbench_s4_224x224.py']
frame_size = (512, 512)
mask_size = (512, 512)

pipeline = [
    dict(type='LoadClipFrames', size=_base_.stored_size),
    dict(
        type='LoadClipMasks',
        label='binary',
        size=_base_.stored_size,
        binary_resize='nearest',
    ),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', short='repeat_last', long='cut', cache_dir=None),
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
dataset = dict(pipeline=pipeline)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
# The published F depends on the batch size, here that of AVSegFormer.
val_evaluator = dict(protocols=['split', 'avsbench-bs2'])
test_evaluator = val_evaluator

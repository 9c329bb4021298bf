# S4 as AVSBench and AVSegFormer read it: frames and labels stored at 224,
# outlines kept as drawn, and of training clips all frames, labelled or not.
_base_ = ['./avsbench_s4_384x384.py']
stored_size = (224, 224)  # before frames and truth are enlarged
frame_size = (224, 224)
mask_size = (224, 224)  # metrics are taken at this size

pipeline = [
    dict(type='LoadClipFrames', size=stored_size),
    dict(
        type='LoadClipMasks',
        label='binary',
        size=stored_size,
        binary_resize='nearest',
    ),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', short='repeat_last', long='cut', cache_dir=None),
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
dataset = dict(unlabelled='ignore', pipeline=pipeline)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
# The published F depends on the batch size, here that of AVSBench.
val_evaluator = dict(protocols=['split', 'avsbench-bs4'])
test_evaluator = val_evaluator

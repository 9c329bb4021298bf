# AVSBench-semantic with binary labels, as TPAVI reads it: frames and labels
# stored at 224, labels by nearest neighbour, and all frames of the training
# clips. Configs of MS3 and of v2 set task and subsets.
data_root = 'data/avsbench'
frame_size = (224, 224)
mask_size = (224, 224)  # metrics are computed at this size

pipeline = [
    dict(type='LoadClipFrames', size=frame_size),
    dict(
        type='LoadClipMasks',
        label='binary',
        size=mask_size,
        binary_resize='nearest',
    ),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', short='repeat_last', long='cut', cache_dir=None),
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
clips = dict(
    type='AVSBenchDataset',
    data_root=data_root,
    task='s4',
    labels='binary',
    unlabelled='ignore',
    pipeline=pipeline,
)
loader = dict(
    batch_size=1,
    num_workers=4,
    collate_fn=dict(type='clip_collate'),  # clips of a batch may differ in T
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    loader,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(clips, split='train'),
)
val_dataloader = dict(loader, dataset=dict(clips, split='val'))
test_dataloader = dict(loader, dataset=dict(clips, split='test'))
# The published F depends on the batch size, which is 4 in AVSBench's code.
val_evaluator = dict(
    type='AVSBinaryMetric', protocols=['split', 'avsbench-bs4']
)
test_evaluator = val_evaluator

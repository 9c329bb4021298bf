# AVSBench-semantic with binary labels, as AVSegFormer reads it: frames and
# labels are stored at 224 and enlarged to 512, where metrics are computed.
# Configs of MS3 set the task.
data_root = 'data/avsbench'
stored_size = (224, 224)
frame_size = (512, 512)
mask_size = (512, 512)

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
clips = dict(
    type='AVSBenchDataset',
    data_root=data_root,
    task='s4',
    labels='binary',
    unlabelled='ignore',
    pipeline=pipeline,
)
loader = dict(
    batch_size=2,
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
# The published F depends on the batch size, which is 2 in AVSegFormer's code.
val_evaluator = dict(
    type='AVSBinaryMetric', protocols=['split', 'avsbench-bs2']
)
test_evaluator = val_evaluator

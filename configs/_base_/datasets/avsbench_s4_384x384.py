# AVSBench-semantic on disk, binary labels. One item is one clip.
data_root = 'data/avsbench'  # often changed: a link to the data set
frame_size = (384, 384)
mask_size = (224, 224)  # truth is stored, and metrics are taken, at this size

pipeline = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='binary', size=mask_size),
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
    pipeline=pipeline,
)
loader = dict(
    batch_size=1,
    num_workers=4,
    collate_fn=dict(type='clip_collate'),  # clips of a batch may differ in T
)
train_dataloader = dict(
    loader,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(clips, split='train'),
)
val_dataloader = dict(
    loader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(clips, split='val'),
)
test_dataloader = dict(
    loader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(clips, split='test'),
)
# Named protocols, see docs/metrics.md; `split` does not depend on batches.
val_evaluator = dict(
    type='AVSBinaryMetric',
    protocols=['split', 'stepping_stones', 'avsbench-bs4'],
)
test_evaluator = val_evaluator

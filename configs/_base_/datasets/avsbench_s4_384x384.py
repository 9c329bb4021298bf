# AVSBench-semantic with binary labels, as AAVS reads it; one item is one clip.
# Configs of MS3 and of v2 set task and subsets.
data_root = 'data/avsbench'
frame_size = (384, 384)
mask_size = (224, 224)  # labels are stored, and metrics computed, at this size

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
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    loader,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(clips, split='train'),
)
val_dataloader = dict(loader, dataset=dict(clips, split='val'))
test_dataloader = dict(loader, dataset=dict(clips, split='test'))
# See docs/metrics.md; `split` does not depend on the batch size.
val_evaluator = dict(
    type='AVSBinaryMetric',
    protocols=['split', 'stepping_stones', 'avsbench-bs4'],
)
test_evaluator = val_evaluator

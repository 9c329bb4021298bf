# Synthetic clips in AVSBench's layout, binary labels. Write them with
#   python tools/dataset_converters/make_synthetic.py --root data/synthetic
data_root = 'data/synthetic'
frame_size = (96, 96)
mask_size = (96, 96)

pipeline = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='binary', size=mask_size),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', cache_dir='work_dirs/log_mel_cache'),
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
clips = dict(
    type='AVSBenchDataset',
    data_root=data_root,
    task='ms3',
    labels='binary',
    pipeline=pipeline,
)
loader = dict(
    batch_size=1,
    num_workers=0,
    collate_fn=dict(type='clip_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    loader,
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(clips, split='train'),
)
val_dataloader = dict(loader, dataset=dict(clips, split='val'))
test_dataloader = dict(loader, dataset=dict(clips, split='test'))
val_evaluator = dict(
    type='AVSBinaryMetric',
    protocols=['split', 'stepping_stones', 'avsbench-bs4'],
)
test_evaluator = val_evaluator

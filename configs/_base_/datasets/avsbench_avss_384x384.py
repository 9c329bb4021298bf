# AVSS as AAVS reads it: all three subsets, labels of 71 classes.
data_root = 'data/avsbench'
frame_size = (384, 384)
mask_size = (224, 224)  # labels are stored, and metrics computed, at this size

load_labels = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='semantic', size=mask_size),
]
load_sound = [
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', short='repeat_last', long='cut', cache_dir=None),
]
resize = [
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
pipeline = [*load_labels, *load_sound, *resize]
load_prior = dict(type='LoadMaskPrior')
stage_two_pipeline = [*load_labels, load_prior, *load_sound, *resize]
clips = dict(
    type='AVSBenchDataset',
    data_root=data_root,
    task='avss',
    labels='semantic',
    pipeline=pipeline,
)
loader = dict(
    batch_size=1,
    num_workers=4,
    collate_fn=dict(type='clip_collate'),  # clips of a batch differ in T
    sampler=dict(type='DefaultSampler', shuffle=False),
)
# Training clips are not shuffled, as published; set
# train_dataloader.sampler.shuffle=True to shuffle them.
train_dataloader = dict(loader, dataset=dict(clips, split='train'))
val_dataloader = dict(loader, dataset=dict(clips, split='val'))
test_dataloader = dict(loader, dataset=dict(clips, split='test'))
# See docs/metrics.md; one test run computes all three protocols.
val_evaluator = dict(
    type='AVSSemanticMetric',
    protocols=['stepping_stones', 'avsbench', 'dataset'],
)
test_evaluator = val_evaluator

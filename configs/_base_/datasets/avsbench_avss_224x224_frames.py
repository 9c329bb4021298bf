# AVSS as EASE reads it: an item in training is one labelled frame of any clip
# with its second of sound, flipped and jittered in scale.
data_root = 'data/avsbench'
frame_size = (224, 224)
mask_size = (224, 224)  # of labels and metrics

load_frames = dict(type='LoadClipFrames')
# Published: labels_semantic, which give the same masks as labels_rgb.
labels = dict(type='LoadClipMasks', label='semantic')
load_train_labels = [load_frames, dict(labels, size=None)]
load_labels = [load_frames, dict(labels, size=mask_size)]
load_prior = dict(type='LoadMaskPrior')
load_sound = [
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', short='repeat_last', long='cut', cache_dir=None),
]
augment = [
    dict(type='ClipRandomFlip', prob=0.5),
    dict(type='ClipScaleJitter', target_size=frame_size, scale=(0.1, 2.0)),
]
resize = [
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
train_pipeline = [*load_train_labels, *load_sound, *augment, *resize]
pipeline = [*load_labels, *load_sound, *resize]
stage_two_train_pipeline = [
    *load_train_labels,
    load_prior,
    *load_sound,
    *augment,
    *resize,
]
stage_two_pipeline = [*load_labels, load_prior, *load_sound, *resize]
clips = dict(
    type='AVSBenchDataset', data_root=data_root, task='avss', labels='semantic'
)
loader = dict(
    batch_size=4,
    num_workers=4,
    collate_fn=dict(type='clip_collate'),  # clips of a batch differ in T
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    loader,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        clips,
        split='train',
        items='frames',
        unlabelled='ignore',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    loader, dataset=dict(clips, split='val', pipeline=pipeline)
)
test_dataloader = dict(
    loader, dataset=dict(clips, split='test', pipeline=pipeline)
)
val_evaluator = dict(
    type='AVSSemanticMetric',
    protocols=['present', 'stepping_stones', 'dataset'],
)
test_evaluator = val_evaluator

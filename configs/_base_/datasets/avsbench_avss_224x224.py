# AVSS as TPAVI and AVSegFormer read it. Training clips are resized with their
# aspect ratio and cropped to a square; other clips are resized to a square.
# Models pad clips to 10 frames.
data_root = 'data/avsbench'
frame_size = (224, 224)
mask_size = (224, 224)  # labels are stored, and metrics computed, at this size

load_frames = dict(type='LoadClipFrames')
load_sound = [
    dict(type='LoadWaveform', sample_rate=16000),
    # Zeros, unlike in S4 and MS3; the log-mel of silence is not zero.
    dict(type='LogMel', short='zeros', long='cut', cache_dir=None),
]
crop = [
    dict(type='ClipResizeCenterCrop', frame_size=224, mask_size=224),
    dict(type='PackClip'),
]
resize = [
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
labels = dict(type='LoadClipMasks', label='semantic')
load_train_labels = [load_frames, dict(labels, size=None)]
load_labels = [load_frames, dict(labels, size=mask_size)]
train_pipeline = [*load_train_labels, *load_sound, *crop]
pipeline = [*load_labels, *load_sound, *resize]
load_prior = dict(type='LoadMaskPrior')
stage_two_pipeline = [*load_labels, load_prior, *load_sound, *resize]
stage_two_train_pipeline = [
    *load_train_labels,
    load_prior,
    *load_sound,
    *crop,
]
clips = dict(
    type='AVSBenchDataset',
    data_root=data_root,
    task='avss',
    labels='semantic',
)
loader = dict(
    batch_size=4,
    num_workers=4,
    collate_fn=dict(type='clip_collate'),  # clips of a batch differ in T
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    loader,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        clips, split='train', unlabelled='ignore', pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    loader, dataset=dict(clips, split='val', pipeline=pipeline)
)
test_dataloader = dict(
    loader, dataset=dict(clips, split='test', pipeline=pipeline)
)
# See docs/metrics.md; one test run computes all three protocols.
val_evaluator = dict(
    type='AVSSemanticMetric',
    protocols=['stepping_stones', 'avsbench', 'dataset'],
)
test_evaluator = val_evaluator

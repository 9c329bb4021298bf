# AVSBench-semantic with binary labels, as EASE reads it: training clips are
# flipped and jittered in scale, and of v1s training clips only frame 0 has a
# label. Configs of MS3 set the task.
data_root = 'data/avsbench'
frame_size = (384, 384)
mask_size = (224, 224)  # of labels and metrics

load_frames = dict(type='LoadClipFrames')
# Published: labels_semantic, which give the same masks as labels_rgb.
labels = dict(type='LoadClipMasks', label='binary', binary_resize='nearest')
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
load_train = [load_frames, dict(labels, size=None), *load_sound]
load = [load_frames, dict(labels, size=mask_size), *load_sound]
train_pipeline = [*load_train, *augment, *resize]
pipeline = [*load, *resize]
clips = dict(
    type='AVSBenchDataset', data_root=data_root, task='s4', labels='binary'
)
loader = dict(
    batch_size=4,
    num_workers=4,
    collate_fn=dict(type='clip_collate'),  # clips of a batch may differ in T
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    loader,
    drop_last=True,
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
val_evaluator = dict(
    type='AVSBinaryMetric', protocols=['frame', 'split', 'stepping_stones']
)
test_evaluator = val_evaluator

# VPO: one picture with 3 s of sound, 22 classes. The sound is that of the
# example in the middle, 0.96 s to 1.935 s. A tenth of the training clips is
# for validation; published systems choose their checkpoint on the test split.
data_root = 'data/vpo'
subsets = ['VPO-SS']
frame_size = (224, 224)
mask_size = (224, 224)  # labels are stored, and metrics computed, at this size

load_labels = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='semantic', size=mask_size),
]
load_sound = [
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', short='repeat_last', long='centre', cache_dir=None),
]
resize = [
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
pipeline = [*load_labels, *load_sound, *resize]
clips = dict(
    type='VPODataset',
    data_root=data_root,
    subsets=subsets,
    labels='semantic',
    pipeline=pipeline,
)
loader = dict(
    batch_size=16,
    num_workers=4,
    collate_fn=dict(type='clip_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    loader,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(clips, split='train'),
)
val_dataloader = dict(loader, dataset=dict(clips, split='val'))
test_dataloader = dict(loader, dataset=dict(clips, split='test'))
# J and F of DDESeg and CAVP are mIoU and F of this protocol.
val_evaluator = dict(type='AVSSemanticMetric', protocols=['dataset'])
test_evaluator = val_evaluator

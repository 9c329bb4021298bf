# As avsbench_s4_224x224_jitter.py with frames of 384x384; labels and metrics
# keep 224x224.
_base_ = ['./avsbench_s4_224x224_jitter.py']

frame_size = (384, 384)

augment = [
    dict(type='ClipRandomFlip', prob=0.5),
    dict(type='ClipScaleJitter', target_size=frame_size, scale=(0.1, 2.0)),
]
resize = [
    dict(type='ClipResize', frame_size=frame_size, mask_size=_base_.mask_size),
    dict(type='PackClip'),
]
train_pipeline = [*_base_.load_train, *augment, *resize]
pipeline = [*_base_.load, *resize]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))

# As avsbench_avss_224x224_frames.py with frames of 384x384; labels and metrics
# keep 224x224.
_base_ = ['./avsbench_avss_224x224_frames.py']

frame_size = (384, 384)

augment = [
    dict(type='ClipRandomFlip', prob=0.5),
    dict(type='ClipScaleJitter', target_size=frame_size, scale=(0.1, 2.0)),
]
resize = [
    dict(type='ClipResize', frame_size=frame_size, mask_size=_base_.mask_size),
    dict(type='PackClip'),
]
train_pipeline = [
    *_base_.load_train_labels,
    *_base_.load_sound,
    *augment,
    *resize,
]
pipeline = [*_base_.load_labels, *_base_.load_sound, *resize]
stage_two_train_pipeline = [
    *_base_.load_train_labels,
    _base_.load_prior,
    *_base_.load_sound,
    *augment,
    *resize,
]
stage_two_pipeline = [
    *_base_.load_labels,
    _base_.load_prior,
    *_base_.load_sound,
    *resize,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))

# AVSS as AVSBench and AVSegFormer read it: training keeps the aspect and loses
# the ends of the long side, testing squashes. Models pad clips to 10 frames.
_base_ = ['./avsbench_avss_384x384.py']
frame_size = (224, 224)
mask_size = (224, 224)  # truth is taken, and metrics are, at this size

load_sound = [
    dict(type='LoadWaveform', sample_rate=16000),
    # Zeros, unlike in S4 and MS3; they are not silence.
    dict(type='LogMel', short='zeros', long='cut', cache_dir=None),
]
train_pipeline = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='semantic', size=None),
    *load_sound,
    dict(type='ClipResizeCenterCrop', frame_size=224, mask_size=224),
    dict(type='PackClip'),
]
pipeline = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='semantic', size=mask_size),
    *load_sound,
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
train_dataloader = dict(
    batch_size=4,
    dataset=dict(unlabelled='ignore', pipeline=train_pipeline),
)
val_dataloader = dict(batch_size=4, dataset=dict(pipeline=pipeline))
test_dataloader = dict(batch_size=4, dataset=dict(pipeline=pipeline))

# AVSBench-semantic on disk: all three subsets, labels of 71 classes.
_base_ = ['./avsbench_s4_384x384.py']
mask_size = (224, 224)  # truth is stored, and metrics are taken, at this size

pipeline = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='semantic', size=mask_size),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', short='repeat_last', long='cut', cache_dir=None),
    dict(type='ClipResize', frame_size=(384, 384), mask_size=mask_size),
    dict(type='PackClip'),
]
dataset = dict(task='avss', labels='semantic', pipeline=pipeline)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
# Named protocols, see docs/metrics.md; all come from one pass.
val_evaluator = dict(
    type='AVSSemanticMetric',
    protocols=['stepping_stones', 'avsbench', 'dataset'],
)
test_evaluator = val_evaluator

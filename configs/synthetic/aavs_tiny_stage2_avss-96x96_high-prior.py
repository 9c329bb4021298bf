"""A simulated stage one of IoU 0.8 in testing, the "high" of Table 2."""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

prior = dict(type='LoadMaskPrior', source='degraded', iou=0.8)
dataset = dict(pipeline=[*_base_.load, prior, *_base_.then])
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

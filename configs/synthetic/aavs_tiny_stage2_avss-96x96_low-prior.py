"""A simulated stage one of IoU 0.5 in testing, the "low" of Table 2."""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

prior = dict(type='LoadMaskPrior', source='degraded', iou=0.5)
dataset = dict(pipeline=[*_base_.load, prior, *_base_.then])
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

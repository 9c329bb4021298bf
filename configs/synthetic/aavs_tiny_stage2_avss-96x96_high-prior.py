"""A simulated stage one of IoU 0.8 in testing, the "high" of Table 2."""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

prior = dict(source='degraded', iou=0.8)
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

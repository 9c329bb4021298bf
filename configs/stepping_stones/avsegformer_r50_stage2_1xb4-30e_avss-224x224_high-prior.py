"""A simulated stage one of IoU 0.8 in testing, for the config below.

The paper reports one backbone, see avsegformer_pvtv2-b5_stage2_*. It does not
say which IoU it took. Trained alike: it tests a checkpoint of that config.
"""

_base_ = ['./avsegformer_r50_stage2_1xb4-30e_avss-224x224.py']

prior = dict(source='degraded', iou=0.8)
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

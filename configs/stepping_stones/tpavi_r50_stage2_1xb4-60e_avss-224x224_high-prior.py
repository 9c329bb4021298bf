"""A simulated stage one of IoU 0.8 in testing, for the config below.

The paper tried it with PVTv2-B5 alone. It does not say which
IoU it took. Trained alike: it tests a checkpoint of that config.
"""

_base_ = ['./tpavi_r50_stage2_1xb4-60e_avss-224x224.py']

prior = dict(source='degraded', iou=0.8)
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

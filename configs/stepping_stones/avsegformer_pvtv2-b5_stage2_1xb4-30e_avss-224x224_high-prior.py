"""A simulated stage one of IoU 0.8 in testing, for the config below.

Paper (Table 2, backbone not named): 39.4 mIoU, 42.5 F, on
the release of April 2023; it does not say which IoU it took. Trained alike: it
tests a checkpoint of that config.
"""

_base_ = ['./avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py']

prior = dict(source='degraded', iou=0.8)
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

"""A simulated stage one of IoU 0.5 in testing, for the config below.

Paper (Table 2, PVTv2-B5): 27.3 mIoU, 29.9 F. It does not say which
IoU it took. Trained alike: it tests a checkpoint of that config.
"""

_base_ = ['./tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224.py']

prior = dict(source='degraded', iou=0.5)
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

"""A simulated stage one of IoU 0.5 in testing, for the config below.

Paper (Table 2, PVTv2-B5): 27.3 mIoU, 29.9 F. It does not say which
IoU it took. Trained alike: it tests a checkpoint of that config.
"""

_base_ = ['./tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224.py']

test = _base_.dataset.pipeline
prior = dict(type='LoadMaskPrior', source='degraded', iou=0.5)
pipeline = [*test[:2], prior, *test[3:]]
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))

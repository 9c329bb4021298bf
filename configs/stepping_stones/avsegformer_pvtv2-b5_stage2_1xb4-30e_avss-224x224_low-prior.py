"""A simulated stage one of IoU 0.5 in testing, for the config below.

Paper (Table 2, backbone not named): 35.4 mIoU, 39.0 F, on
the release of April 2023; it does not say which IoU it took. Trained alike: it
tests a checkpoint of that config.
"""

_base_ = ['./avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py']

test = _base_.dataset.pipeline
prior = dict(type='LoadMaskPrior', source='degraded', iou=0.5)
pipeline = [*test[:2], prior, *test[3:]]
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))

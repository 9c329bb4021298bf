"""The truth as prior in testing, for the config below.

Paper (Table 2): 46.3 mIoU, 48.0 F, on the release of April 2023.
"""

_base_ = ['./avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py']

test = _base_.dataset.pipeline
pipeline = [*test[:2], _base_.from_truth, *test[3:]]
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))

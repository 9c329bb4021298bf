"""The truth as prior in testing, for the config below.

The paper tried it with PVTv2-B5 alone.
"""

_base_ = ['./tpavi_r50_stage2_1xb4-60e_avss-224x224.py']

test = _base_.dataset.pipeline
pipeline = [*test[:2], _base_.from_truth, *test[3:]]
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))

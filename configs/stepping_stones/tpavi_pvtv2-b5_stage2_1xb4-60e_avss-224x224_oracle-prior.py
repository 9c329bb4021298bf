"""The truth as prior in testing, for the config below.

Paper (Stepping Stones, Table 2, AVSBench): 36.4 mIoU, 39.0 F.
"""

_base_ = ['./tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224.py']

test = _base_.dataset.pipeline
pipeline = [*test[:2], _base_.from_truth, *test[3:]]
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))

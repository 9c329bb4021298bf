"""The truth as prior in testing, too: how much does stage one cost?

Paper (Table 4): 64.9 mIoU, 67.0 F, protocol ``stepping_stones``. Trained
alike, so it also tests a checkpoint of the config below.
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

dataset = dict(pipeline=_base_.train_pipeline)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

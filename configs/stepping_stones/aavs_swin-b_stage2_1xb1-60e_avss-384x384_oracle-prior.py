"""The truth as prior in testing, too: how much does stage one cost?

Paper (Table 4): 64.9 mIoU, 67.0 F, protocol ``stepping_stones``. Trained
alike, so it also tests a checkpoint of the config below.
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

prior = dict(source='truth')
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

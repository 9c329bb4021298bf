"""The truth as prior in testing, for the config below.

Paper (Table 2): 46.3 mIoU, 48.0 F, on the release of April 2023.
"""

_base_ = ['./avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py']

prior = dict(source='truth')
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

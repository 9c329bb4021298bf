"""The truth as prior in testing, for the config below.

The paper reports one backbone, see avsegformer_pvtv2-b5_stage2_*.
"""

_base_ = ['./avsegformer_r50_stage2_1xb4-30e_avss-224x224.py']

prior = dict(source='truth')
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

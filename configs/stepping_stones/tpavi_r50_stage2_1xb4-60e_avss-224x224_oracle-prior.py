"""The truth as prior in testing, for the config below.

The paper tried it with PVTv2-B5 alone.
"""

_base_ = ['./tpavi_r50_stage2_1xb4-60e_avss-224x224.py']

prior = dict(source='truth')
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

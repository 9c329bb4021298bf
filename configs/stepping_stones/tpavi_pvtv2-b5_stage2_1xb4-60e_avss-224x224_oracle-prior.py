"""The truth as prior in testing, for the config below.

Paper (Stepping Stones, Table 2, AVSBench): 36.4 mIoU, 39.0 F.
"""

_base_ = ['./tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224.py']

prior = dict(source='truth')
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

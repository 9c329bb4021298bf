"""The truth as prior in testing, for the ablation below.

Paper (Table 4): 51.2 mIoU, 56.2 F, protocol ``stepping_stones``.
"""

_base_ = [
    './aavs_swin-b_stage2_1xb1-60e_avss-384x384_no-mask-fusion_no-robust-key.py'
]

prior = dict(source='truth')
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

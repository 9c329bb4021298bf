"""Ablation: keys are not told apart by the prior.

Paper (Table 4): 46.4 mIoU, 51.4 F, protocol ``stepping_stones``. We have not
trained it on AVSBench.
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

model = dict(decode_head=dict(mask_prior=dict(robust_key=False)))

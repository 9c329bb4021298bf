"""Ablation: the prior only leads the attention of the first layer.

Paper (Table 4): 43.4 mIoU, 48.3 F, protocol ``stepping_stones``. We have not
trained it on AVSBench.
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384_no-mask-fusion.py']

model = dict(decode_head=dict(mask_prior=dict(robust_key=False)))

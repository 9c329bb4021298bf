"""Ablation: the prior is not added to the mask feature.

Paper (Table 4): 45.2 mIoU, 49.6 F, protocol ``stepping_stones``. We have not
trained it on AVSBench.
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

model = dict(decode_head=dict(mask_prior=dict(fuse_mask_feature=False)))

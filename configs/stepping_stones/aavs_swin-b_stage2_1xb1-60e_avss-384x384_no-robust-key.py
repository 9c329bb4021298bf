"""Ablation of Table 4: the keys do not depend on the prior.

Paper: 46.4 mIoU, 51.4 F, protocol ``stepping_stones``.
Not trained on AVSBench by this project.
Train: as for the base config.
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

model = dict(decode_head=dict(mask_prior=dict(robust_key=False)))

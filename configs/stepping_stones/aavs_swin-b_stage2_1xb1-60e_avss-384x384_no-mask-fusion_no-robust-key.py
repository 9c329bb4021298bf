"""Ablation of Table 4: the prior only sets the first attention mask.

Paper: 43.4 mIoU, 48.3 F, protocol ``stepping_stones``.
Not trained on AVSBench by this project.
Train: as for the base config.
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

model = dict(
    decode_head=dict(
        mask_prior=dict(fuse_mask_feature=False, robust_key=False)
    )
)

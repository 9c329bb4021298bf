"""Ablation of the paper's Table 4, tiny: keys not told apart by the prior."""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

model = dict(decode_head=dict(mask_prior=dict(robust_key=False)))

"""AAVS stage two: the truth as prior in testing (oracle).

Paper (Table 4): 64.9 mIoU, 67.0 F, protocol ``stepping_stones``.
Test: python tools/test.py THIS_CONFIG CHECKPOINT_OF_THE_CONFIG_BELOW
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

dataset = dict(mask_prior=dict(source='truth'))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

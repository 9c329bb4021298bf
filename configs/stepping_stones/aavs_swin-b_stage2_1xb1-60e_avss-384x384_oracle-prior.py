"""AAVS stage two: labels as prior in testing (oracle).

Paper (Table 4): 64.9 mIoU, 67.0 F, protocol ``stepping_stones``.
Test a checkpoint of the base config:
  python tools/test.py CONFIG CHECKPOINT
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

dataset = dict(mask_prior=dict(source='truth'))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

"""Tiny AAVS stage two: labels as prior in testing (oracle).

Measured: 63.8 +- 13.3 mIoU (synthetic, 3 seeds, ``dataset``).
Test a checkpoint of the base config:
  python tools/test.py CONFIG CHECKPOINT
"""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

dataset = dict(mask_prior=dict(source='truth'))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

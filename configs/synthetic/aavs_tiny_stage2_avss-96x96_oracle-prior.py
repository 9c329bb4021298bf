"""The truth as prior in testing, too: how much does stage one cost?

Measured: 63.8 +- 13.3 mIoU (synthetic, 3 seeds, ``dataset``; README.md).
Trained alike, so it also tests a checkpoint of the config below.
"""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

prior = dict(source='truth')
val_dataloader = dict(dataset=dict(mask_prior=prior))
test_dataloader = dict(dataset=dict(mask_prior=prior))

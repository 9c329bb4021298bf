"""The truth as prior in testing, too: how much does stage one cost?

Measured: 63.8 +- 13.3 mIoU (synthetic, 3 seeds, ``dataset``; README.md).
Trained alike, so it also tests a checkpoint of the config below.
"""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

dataset = dict(pipeline=_base_.train_pipeline)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

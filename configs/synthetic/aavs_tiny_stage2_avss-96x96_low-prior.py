"""Tiny AAVS stage two: a simulated stage one of IoU 0.5 in testing.

It simulates the "low" prior of the paper's Table 2 on synthetic clips.
Test a checkpoint of the base config:
  python tools/test.py CONFIG CHECKPOINT
"""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

dataset = dict(mask_prior=dict(source='degraded', iou=0.5))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

"""Tiny AAVS stage two: a simulated stage one of IoU 0.8 in testing.

It simulates the "high" prior of the paper's Table 2 on synthetic clips.
Test: python tools/test.py THIS_CONFIG CHECKPOINT_OF_THE_CONFIG_BELOW
"""

_base_ = ['./aavs_tiny_stage2_avss-96x96.py']

dataset = dict(mask_prior=dict(source='degraded', iou=0.8))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

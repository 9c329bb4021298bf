"""AAVS stage two: a simulated stage one of IoU 0.8 in testing.

The "high" prior of Table 2, which has no row for AAVS. The paper does not
state the IoU of its simulated masks; its own stage one has 83.2, 67.5 and
72.8 % on v1s, v1m and v2.
Test a checkpoint of the base config:
  python tools/test.py CONFIG CHECKPOINT
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

dataset = dict(mask_prior=dict(source='degraded', iou=0.8))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

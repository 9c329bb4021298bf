"""AAVS stage two: a simulated stage one of IoU 0.8 in testing.

The "high" of Table 2, which has no row for AAVS. The paper does not say which
IoU it took; its own stage one has 83.2, 67.5 and 72.8 % on v1s, v1m and v2.
Test: python tools/test.py THIS_CONFIG CHECKPOINT_OF_THE_CONFIG_BELOW
"""

_base_ = ['./aavs_swin-b_stage2_1xb1-60e_avss-384x384.py']

dataset = dict(mask_prior=dict(source='degraded', iou=0.8))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

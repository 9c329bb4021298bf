"""AVSegFormer stage two: a simulated stage one of IoU 0.5 in testing.

Paper (Table 2, backbone not named, release of April 2023): 35.4 mIoU, 39.0 F.
The paper does not say which IoU it took.
Test: python tools/test.py THIS_CONFIG CHECKPOINT_OF_THE_CONFIG_BELOW
"""

_base_ = ['./avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py']

dataset = dict(mask_prior=dict(source='degraded', iou=0.5))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

"""AVSegFormer stage two: a simulated stage one of IoU 0.5 in testing.

Paper (Table 2, backbone not named, release of April 2023): 35.4 mIoU, 39.0 F.
The paper does not state the IoU of its simulated masks.
Test a checkpoint of the base config:
  python tools/test.py CONFIG CHECKPOINT
"""

_base_ = ['./avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py']

dataset = dict(mask_prior=dict(source='degraded', iou=0.5))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

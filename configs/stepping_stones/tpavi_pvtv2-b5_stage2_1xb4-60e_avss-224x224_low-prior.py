"""TPAVI stage two: a simulated stage one of IoU 0.5 in testing.

Paper (Table 2, PVTv2-B5): 27.3 mIoU, 29.9 F.
The paper does not state the IoU of its simulated masks.
Test a checkpoint of the base config:
  python tools/test.py CONFIG CHECKPOINT
"""

_base_ = ['./tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224.py']

dataset = dict(mask_prior=dict(source='degraded', iou=0.5))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

"""TPAVI stage two: labels as prior in testing (oracle).

Paper (Table 2, PVTv2-B5): 36.4 mIoU, 39.0 F.
Test a checkpoint of the base config:
  python tools/test.py CONFIG CHECKPOINT
"""

_base_ = ['./tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224.py']

dataset = dict(mask_prior=dict(source='truth'))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

"""TPAVI stage two: the truth as prior in testing (oracle).

Paper (Table 2, PVTv2-B5): 36.4 mIoU, 39.0 F.
Test: python tools/test.py THIS_CONFIG CHECKPOINT_OF_THE_CONFIG_BELOW
"""

_base_ = ['./tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224.py']

dataset = dict(mask_prior=dict(source='truth'))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

"""AVSegFormer stage two: labels as prior in testing (oracle).

Paper (Table 2, backbone not named, release of April 2023): 46.3 mIoU, 48.0 F.
Test a checkpoint of the base config:
  python tools/test.py CONFIG CHECKPOINT
"""

_base_ = ['./avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py']

dataset = dict(mask_prior=dict(source='truth'))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

"""AVSegFormer stage two: the truth as prior in testing (oracle).

Paper (Table 2, backbone not named, release of April 2023): 46.3 mIoU, 48.0 F.
Test: python tools/test.py THIS_CONFIG CHECKPOINT_OF_THE_CONFIG_BELOW
"""

_base_ = ['./avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py']

dataset = dict(mask_prior=dict(source='truth'))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

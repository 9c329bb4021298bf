"""Stage one of Stepping Stones on AVSegFormer with ResNet-50: AVSS, binary.

It predicts which pixels sound, on all three subsets; stage two
(configs/stepping_stones/avsegformer_r50_stage2_1xb4-30e_avss-224x224.py) reads
its masks. Not published, so no expected metric.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_r50_1xb4-30e_avss-binary-224x224.py
"""

_base_ = [
    './avsegformer_pvtv2-b5_1xb4-30e_avss-binary-224x224.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    decode_head=dict(in_channels=(256, 512, 1024, 2048)),
)

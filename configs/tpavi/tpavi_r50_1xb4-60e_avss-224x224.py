"""TPAVI with ResNet-50 on AVSS (71 classes), as published.

Paper (https://arxiv.org/abs/2301.13190): 20.2 mIoU, 25.2 F, protocol
``avsbench``, which also scores the frames that pad clips to 10.
The figures are quoted from memory, to be checked.
Not trained on AVSBench by this project.
Initialise: as for S4. tools/model_converters/tpavi.py converts the released
checkpoint.
Train: python tools/train.py configs/tpavi/tpavi_r50_1xb4-60e_avss-224x224.py
"""

_base_ = [
    './tpavi_pvtv2-b5_1xb4-60e_avss-224x224.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
)

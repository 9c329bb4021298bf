"""TPAVI with ResNet-50 on MS3 (multiple sources), as published.

Paper (https://arxiv.org/abs/2207.05042): 47.9 mIoU, 57.8 F, protocol
``avsbench-bs4``. The figures are quoted from memory, to be checked.
Not trained on AVSBench by this project.
Initialise: as for S4, or set load_from to a checkpoint of S4.
Train: python tools/train.py configs/tpavi/tpavi_r50_1xb4-30e_ms3-224x224.py
"""

_base_ = [
    './tpavi_pvtv2-b5_1xb4-30e_ms3-224x224.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
)

"""TPAVI with ResNet-50 on AVSBench-semantic's own videos (v2), binary labels.

Stage two of Stepping Stones needs three stage-one models: those of S4 (v1s),
of MS3 (v1m) and this one. Not published, so no expected metric: the settings
are those of MS3, where all frames are labelled, too.
Train: python tools/train.py \
    configs/tpavi/tpavi_r50_1xb4-30e_avss-binary-224x224.py
"""

_base_ = [
    './tpavi_pvtv2-b5_1xb4-30e_avss-binary-224x224.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
)

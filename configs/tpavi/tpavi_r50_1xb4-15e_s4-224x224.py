"""TPAVI with ResNet-50 on S4 (single source), as published.

Paper (https://arxiv.org/abs/2207.05042): 72.8 mIoU, 84.8 F, protocol
``avsbench-bs4``. The figures are quoted from memory, to be checked.
Not trained on AVSBench by this project.
Initialise:
  python tools/model_converters/resnet50.py SRC pretrained/resnet50.pth
  python tools/model_converters/vggish.py SRC pretrained/vggish.pth
Train: python tools/train.py configs/tpavi/tpavi_r50_1xb4-15e_s4-224x224.py
"""

_base_ = [
    './tpavi_pvtv2-b5_1xb4-15e_s4-224x224.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
)

"""Stepping Stones, stage two, on TPAVI with ResNet-50.

The paper has no row for ResNet-50, so no expected metric.
Masks: python tools/test.py STAGE_ONE_CONFIG CHECKPOINT --dump-masks DIR
Train: python tools/train.py \
    configs/stepping_stones/tpavi_r50_stage2_1xb4-60e_avss-224x224.py \
    --cfg-options val_dataloader.dataset.mask_prior.root=DIR
"""

_base_ = [
    './tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
)

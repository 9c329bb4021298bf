"""Ablation on MS3: no adapters in the backbone, so phase one only.

Paper (Table 3, adaptive audio query): 67.5 mIoU, 77.6 F, protocol
``stepping_stones``. Not trained on AVSBench by this project.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-30e_ms3-384x384_frozen-backbone.py
"""

_base_ = ['./aavs_swin-b_1xb1-60e_ms3-384x384.py']

model = dict(backbone=dict(with_adapters=False))
train_cfg = dict(max_epochs=30)
default_hooks = dict(
    tuning=dict(backbone_adapters=None, switch_epoch=None, phase2_lr=None)
)

"""Ablation: the visual backbone stays as pretrained (the first phase alone).

Paper (Table 3, adaptive audio query): 37.1 mIoU, 41.7 F, protocol
``stepping_stones``. We have not trained it on AVSBench.
"""

_base_ = ['./aavs_swin-b_1xb1-60e_avss-384x384.py']

model = dict(backbone=dict(with_adapters=False))
train_cfg = dict(max_epochs=20)
default_hooks = dict(
    tuning=dict(backbone_adapters=None, switch_epoch=None, phase2_lr=None)
)

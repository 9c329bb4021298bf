"""Ablation on MS3: frozen backbone, the same audio added to all queries.

Paper (Table 3, repeated audio query): 65.8 mIoU, 75.2 F, protocol
``stepping_stones``. Not trained on AVSBench by this project.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-30e_ms3-384x384_repeat-query.py
"""

_base_ = ['./aavs_swin-b_1xb1-60e_ms3-384x384.py']

model = dict(
    backbone=dict(with_adapters=False),
    decode_head=dict(audio_query='repeat'),
)
train_cfg = dict(max_epochs=30)
default_hooks = dict(
    tuning=dict(backbone_adapters=None, switch_epoch=None, phase2_lr=None)
)

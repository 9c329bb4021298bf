"""EASE with DINOv3 ViT-B on AVSS (71 classes) at 384x384, as published.

Paper: 49.8 mIoU, 54.1 F, protocol ``present``.
Not trained on AVSBench by this project.
Initialise: as for S4 at 224x224.
Train: bash tools/dist_train.sh \
    configs/ease/ease_vit-b_2xb40-22e_avss-384x384.py 2
"""

_base_ = [
    '../_base_/models/ease_vit-b.py',
    '../_base_/datasets/avsbench_avss_384x384_frames.py',
    '../_base_/schedules/ease.py',
    '../_base_/default_runtime.py',
]

num_classes = 71  # including background
model = dict(
    decode_head=dict(
        num_classes=num_classes,
        loss_cls=dict(class_weight=[1.0] * num_classes + [0.1]),
    )
)
train_dataloader = dict(batch_size=40)  # frames per process
max_epochs = 22
param_scheduler = [dict(_base_.warmup_poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
default_hooks = dict(checkpoint=dict(save_best='present/mIoU'))

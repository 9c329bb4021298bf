"""EASE with PVTv2-B5 on AVSS (71 classes) at 224x224, as published.

Paper: 42.3 mIoU, 47.6 F, protocol ``present``.
Not trained on AVSBench by this project.
Initialise: as for S4 at 224x224.
Train: bash tools/dist_train.sh \
    configs/ease/ease_pvtv2-b5_2xb60-36e_avss-224x224.py 2
"""

_base_ = [
    '../_base_/models/ease_pvtv2-b5.py',
    '../_base_/datasets/avsbench_avss_224x224_frames.py',
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
optim_wrapper = dict(paramwise_cfg=dict(layer_decay=1.0))
train_dataloader = dict(batch_size=60)  # frames per process
default_hooks = dict(checkpoint=dict(save_best='present/mIoU'))

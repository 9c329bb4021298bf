"""EASE on a small Vision Transformer, AVSS in a single stage: which class sounds.

71 classes, of which the synthetic clips show 14 and the background: use the
protocol ``dataset``, the mean over the classes that occur.
Train: python tools/train.py configs/synthetic/ease_tiny_avss-96x96.py
"""

_base_ = [
    '../_base_/models/ease_tiny.py',
    '../_base_/datasets/synthetic_avss_96x96.py',
    '../_base_/schedules/synthetic_adamw_8e.py',
    '../_base_/default_runtime.py',
]

num_classes = 71
model = dict(
    decode_head=dict(
        num_classes=num_classes,
        loss_cls=dict(class_weight=[1.0] * num_classes + [0.1]),
    )
)
default_hooks = dict(checkpoint=dict(save_best='dataset/mIoU'))

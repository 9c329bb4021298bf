"""EASE on a small Vision Transformer, S4-like clips: labels of frame 0 alone.

Train: python tools/train.py configs/synthetic/ease_tiny_s4-96x96.py
"""

_base_ = [
    '../_base_/models/ease_tiny.py',
    '../_base_/datasets/synthetic_ms3_96x96.py',
    '../_base_/schedules/synthetic_adamw.py',
    '../_base_/default_runtime.py',
]

dataset = dict(task='s4', unlabelled='ignore')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

"""Stage one of Stepping Stones on synthetic clips: EASE, binary labels.

It predicts which pixels sound; stage two reads its masks.
Train: python tools/train.py \
    configs/synthetic/ease_tiny_avss-binary-96x96.py
"""

_base_ = [
    '../_base_/models/ease_tiny.py',
    '../_base_/datasets/synthetic_ms3_96x96.py',
    '../_base_/schedules/synthetic_adamw_8e.py',
    '../_base_/default_runtime.py',
]

# The clips of AVSS, see _base_/datasets/synthetic_avss_96x96.py.
data_root = 'data/synthetic_avss'
dataset = dict(data_root=data_root)
train_dataloader = dict(batch_size=4, num_workers=0, dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

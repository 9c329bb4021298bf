"""TPAVI with a small ResNet, MS3-like synthetic clips.

Not a published setting: for tests, and to compare the systems on equal data.
Train: python tools/train.py configs/synthetic/tpavi_tiny_ms3-96x96.py
"""

_base_ = [
    '../_base_/models/tpavi_tiny.py',
    '../_base_/datasets/synthetic_ms3_96x96.py',
    '../_base_/schedules/synthetic_adamw.py',
    '../_base_/default_runtime.py',
]

model = dict(
    decode_head=dict(
        loss_match=dict(type='TPAVIMatchingLoss', mask='soft', reduction='sum')
    )
)

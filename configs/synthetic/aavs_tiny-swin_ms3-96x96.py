"""AAVS with a tiny Swin that has adapters, MS3-like synthetic clips.

It has the published arrangement of adapters. Nothing is pretrained or frozen,
so it learns more slowly than the model of `make demo`.
Train: python tools/train.py configs/synthetic/aavs_tiny-swin_ms3-96x96.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

model = dict(
    backbone=dict(
        _delete_=True,  # another backbone takes other arguments
        type='AdapterSwin',
        embed_dims=16,
        depths=(2, 2, 2, 2),
        num_heads=(1, 2, 4, 8),
        window_size=6,
        drop_path_rate=0.1,
        drop_path_mode='constant_attention',
    ),
    decode_head=dict(adapter_mode='append'),
)

"""Ablation of the paper's Table 3 on synthetic clips: repeated audio query.

The same audio embedding is added to every query.
Train: python tools/train.py \
    configs/synthetic/aavs_tiny_ms3-96x96_repeat-query.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

model = dict(decode_head=dict(audio_query='repeat'))

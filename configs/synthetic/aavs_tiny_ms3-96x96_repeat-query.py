"""Ablation of the paper's Table 3, tiny: the same audio on every query.

Train: python tools/train.py configs/synthetic/aavs_tiny_ms3-96x96_repeat-query.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

model = dict(decode_head=dict(audio_query='repeat'))

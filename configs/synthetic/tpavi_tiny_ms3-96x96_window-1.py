"""Every frame attends to its own second of sound, instead of to all five.

Expected, synthetic and not AVSBench: see README.md, which says why it matters.
Train: python tools/train.py configs/synthetic/tpavi_tiny_ms3-96x96_window-1.py
"""

_base_ = ['./tpavi_tiny_ms3-96x96.py']

model = dict(decode_head=dict(window=1))

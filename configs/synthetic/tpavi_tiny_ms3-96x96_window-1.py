"""Ablation: each frame attends to the audio of its own second only.

The published TPAVI attends to the audio of all five seconds of a clip.
Train: python tools/train.py configs/synthetic/tpavi_tiny_ms3-96x96_window-1.py
"""

_base_ = ['./tpavi_tiny_ms3-96x96.py']

model = dict(decode_head=dict(window=1))

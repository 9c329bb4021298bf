"""EASE on a small Vision Transformer, MS3-like synthetic clips.

Not a published setting: for tests, and to compare systems on equal data, see
docs/results.md. Train:
  python tools/train.py configs/synthetic/ease_tiny_ms3-96x96.py
"""

_base_ = [
    '../_base_/models/ease_tiny.py',
    '../_base_/datasets/synthetic_ms3_96x96.py',
    '../_base_/schedules/synthetic_adamw.py',
    '../_base_/default_runtime.py',
]

"""The demo's model: AAVS's head on a small ResNet, MS3-like synthetic clips.

Expected, synthetic and not AVSBench: see README.md, which `make demo` fills.
Cost: about 5 minutes on one CPU core.
Train: python tools/train.py configs/synthetic/aavs_tiny_ms3-96x96.py
"""

_base_ = [
    '../_base_/models/aavs_tiny.py',
    '../_base_/datasets/synthetic_ms3_96x96.py',
    '../_base_/schedules/synthetic_adamw.py',
    '../_base_/default_runtime.py',
]

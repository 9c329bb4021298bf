"""The model of `make demo`: AAVS with a small ResNet on MS3-like clips.

Expected: what `make demo` prints (synthetic data, not AVSBench). Cost: about
5 minutes on one CPU core.
Data: python tools/dataset_converters/make_synthetic.py --root data/synthetic
Train: python tools/train.py configs/synthetic/aavs_tiny_ms3-96x96.py
"""

_base_ = [
    '../_base_/models/aavs_tiny.py',
    '../_base_/datasets/synthetic_ms3_96x96.py',
    '../_base_/schedules/synthetic_adamw.py',
    '../_base_/default_runtime.py',
]

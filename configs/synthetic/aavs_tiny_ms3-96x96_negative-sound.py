"""The model of `make demo`, trained with negative sounds and blank masks.

A fifth of the training clips get silence, noise or the sound of another
category. Compare with tools/robustness.py and docs/metrics.md.
Train: python tools/train.py \
    configs/synthetic/aavs_tiny_ms3-96x96_negative-sound.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

negative_sound = dict(prob=0.2, silence=0.25, noise=0.25, offscreen=0.5)
train_dataloader = dict(dataset=dict(negative_sound=negative_sound))

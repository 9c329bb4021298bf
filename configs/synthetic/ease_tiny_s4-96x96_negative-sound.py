"""EASE on a small Vision Transformer, S4-like clips, negative sounds.

A tenth of the training clips get silence, noise or the sound of another
category, and blank masks; a fifth in ease_tiny_ms3-96x96_negative-sound.py.
Train: python tools/train.py \
    configs/synthetic/ease_tiny_s4-96x96_negative-sound.py
"""

_base_ = ['./ease_tiny_s4-96x96.py']

negative_sound = dict(prob=0.1, silence=0.25, noise=0.25, offscreen=0.5)
train_dataloader = dict(dataset=dict(negative_sound=negative_sound))

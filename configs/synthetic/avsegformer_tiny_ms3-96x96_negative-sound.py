"""AVSegFormer with a small ResNet, trained with negative sounds and blank masks.

Not a published setting, see aavs_tiny_ms3-96x96_negative-sound.py. Train:
  python tools/train.py \
    configs/synthetic/avsegformer_tiny_ms3-96x96_negative-sound.py
"""

_base_ = ['./avsegformer_tiny_ms3-96x96.py']

negative_sound = dict(prob=0.2, silence=0.25, noise=0.25, offscreen=0.5)
train_dataloader = dict(dataset=dict(negative_sound=negative_sound))

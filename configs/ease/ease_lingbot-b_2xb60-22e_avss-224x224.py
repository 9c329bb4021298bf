"""EASE with LingBot-Vision B, which has DINOv3's architecture, on AVSS.

Not published: there is no figure to compare with. Settings are those of ViT-B.
Initialise:
  python tools/model_converters/dino.py SRC pretrained/lingbot_vit-b.pth \
      --arch base --joint-blocks 4
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

pretrained = dict(checkpoint='pretrained/lingbot_vit-b.pth')
model = dict(
    backbone=dict(init_cfg=pretrained), decode_head=dict(init_cfg=pretrained)
)

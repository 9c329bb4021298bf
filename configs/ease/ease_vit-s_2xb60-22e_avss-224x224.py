"""EASE with DINOv3 ViT-S on AVSS.

Not published: there is no figure to compare with. Settings are those of ViT-B.
Initialise:
  python tools/model_converters/dino.py SRC pretrained/dinov3_vit-s.pth \
      --arch small --joint-blocks 4
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

vit_s = dict(
    arch='small', init_cfg=dict(checkpoint='pretrained/dinov3_vit-s.pth')
)
model = dict(backbone=vit_s, decode_head=vit_s)

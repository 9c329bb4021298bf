"""EASE that fuses audio before all 12 blocks and after the last.

The paper prints no figure; one of its published configs has this setting, with
55 epochs. All blocks belong to the head, which takes other weights:
  python tools/model_converters/dino.py SRC \
      pretrained/dinov3_vit-b_12-in-head.pth --arch base --joint-blocks 12
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

pretrained = dict(checkpoint='pretrained/dinov3_vit-b_12-in-head.pth')
model = dict(
    backbone=dict(joint_blocks=12, init_cfg=pretrained),
    decode_head=dict(
        num_blocks=12, fuse_before=tuple(range(12)), init_cfg=pretrained
    ),
)

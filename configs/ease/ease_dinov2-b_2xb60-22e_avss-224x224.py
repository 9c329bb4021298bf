"""EASE with DINOv2-B with registers and its own patch of 14, on AVSS.

Not published: there is no figure to compare with. Settings are those of ViT-B.
Initialise:
  python tools/model_converters/dino.py SRC pretrained/dinov2-reg4_vit-b.pth \
      --arch base --joint-blocks 4
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

dinov2 = dict(
    variant='dinov2',
    init_cfg=dict(checkpoint='pretrained/dinov2-reg4_vit-b.pth'),
)
model = dict(
    # DINOv2 has learned positions instead of RoPE.
    backbone=dict(dinov2, patch_size=14, num_registers=4, rope_rescale=None),
    decode_head=dinov2,
)

# Replaces the ViT-B of ease_vit-b.py, in the backbone and in the head.
vit_l = dict(
    arch='large', init_cfg=dict(checkpoint='pretrained/dinov3_vit-l.pth')
)

# EASE small enough for two CPU cores; nothing pretrained or frozen.
_base_ = ['./ease_vit-b.py']

sizes = dict(embed_dims=64, num_layers=4, num_heads=4, mlp_channels=128)
arch = dict(_delete_=True, **sizes)  # sizes instead of a name
model = dict(
    backbone=dict(arch=arch, patch_size=8, joint_blocks=2, init_cfg=None),
    audio_backbone=dict(
        _delete_=True,  # another backbone takes other arguments
        type='LogMelCNN',
        out_channels=128,
    ),
    decode_head=dict(
        arch=arch,
        init_cfg=None,
        num_queries=10,
        audio_dims=64,
        num_blocks=2,
        joint_blocks=2,
        audio_enhancer=dict(num_clusters=12),
        fuse_before=(0, 1),
        num_upscale=1,
        train_cfg=dict(num_points=1024),
    ),
)
custom_hooks = [
    dict(type='MaskAnnealingHook', start=(0.3, 0.5), end=(0.5, 0.8)),
]

# EASE with PVTv2-B5 at 224x224, two classes (S4, MS3), as published. At
# 384x384 set num_queries=49.
_base_ = ['./ease_vit-b.py']

# The user supplies this file; tools/model_converters/pvt_v2.py writes it with
# --ease.
checkpoint = 'pretrained/ease_pvtv2-b5.pth'

model = dict(
    backbone=dict(
        _delete_=True,
        type='PVTv2',
        out_indices=(2,),
        joint_blocks=7,
        drop_path_rate=0.0,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone'
        ),
    ),
    decode_head=dict(
        arch='b5',
        variant='pvtv2',
        # Queries and 14 x 14 patches make a square of 15 x 15 tokens.
        num_queries=29,
        num_blocks=7,
        joint_blocks=6,
        fuse_before=(0, 1, 2, 3, 4, 5, 6),
        norm_before_late_fusion=True,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='decode_head'
        ),
    ),
)
custom_hooks = [
    dict(
        type='MaskAnnealingHook',
        start=(0.1, 0.2, 0.4, 0.5, 0.6, 0.7),
        end=(0.2, 0.3, 0.5, 0.6, 0.7, 0.8),
    ),
]

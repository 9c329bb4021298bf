# EASE with DINOv3 ViT-B, two classes (S4, MS3), as published.
num_classes = 2  # including background
joint_blocks = 4
# The user supplies this file; tools/model_converters/dino.py writes it with
# --joint-blocks 4.
checkpoint = 'pretrained/dinov3_vit-b.pth'

model = dict(
    type='AVSegmentor',
    data_preprocessor=dict(type='AVSDataPreprocessor'),
    backbone=dict(
        type='DinoViT',
        arch='base',
        variant='dinov3',
        joint_blocks=joint_blocks,
        rope_rescale=2.0,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone'
        ),
    ),
    audio_backbone=dict(
        type='VGGish',
        final_relu=True,  # as in EASE
        frozen=True,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/vggish.pth'),
    ),
    decode_head=dict(
        type='EASEHead',
        # Its blocks and its norm; the rest is new.
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='decode_head'
        ),
        arch='base',
        variant='dinov3',
        num_classes=num_classes,
        num_queries=100,
        audio_channels=128,
        audio_dims=320,
        num_blocks=joint_blocks,
        joint_blocks=joint_blocks,
        # The published code adds Gumbel noise in testing, too
        # (deterministic=False).
        audio_enhancer=dict(
            type='EASEClusterEnhancer', num_clusters=71, deterministic=True
        ),
        query_generator=dict(num_layers=2, num_heads=8),
        fuser=dict(type='EASEAligner', num_clusters=5, deterministic=True),
        fuse_before=(0, 1, 2, 3),
        fuse_late=True,
        num_upscale=2,
        dropout=0.1,
        loss_cls=dict(
            type='mmdet.CrossEntropyLoss',
            use_sigmoid=False,
            loss_weight=2.0,
            reduction='mean',
            class_weight=[1.0] * num_classes + [0.1],
        ),
        loss_mask=dict(
            type='mmdet.CrossEntropyLoss',
            use_sigmoid=True,
            reduction='mean',
            loss_weight=5.0,
        ),
        loss_dice=dict(
            type='mmdet.DiceLoss',
            use_sigmoid=True,
            activate=True,
            reduction='mean',
            naive_dice=True,
            eps=1.0,
            loss_weight=5.0,
        ),
        train_cfg=dict(
            num_points=12544,
            oversample_ratio=3.0,
            importance_sample_ratio=0.75,
            assigner=dict(
                type='mmdet.HungarianAssigner',
                match_costs=[
                    dict(type='mmdet.ClassificationCost', weight=2.0),
                    dict(
                        type='mmdet.CrossEntropyLossCost',
                        weight=5.0,
                        use_sigmoid=True,
                    ),
                    dict(
                        type='mmdet.DiceCost',
                        weight=5.0,
                        pred_act=True,
                        eps=1.0,
                    ),
                ],
            ),
            sampler=dict(type='mmdet.MaskPseudoSampler'),
        ),
    ),
    test_cfg=dict(mode='whole'),
)
custom_hooks = [
    dict(
        type='MaskAnnealingHook',
        start=(0.2, 0.35, 0.5, 0.65),
        end=(0.35, 0.5, 0.65, 0.8),
    ),
]

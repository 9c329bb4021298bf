# AAVS with Swin-B: Mask2Former (ADE20k) with adapters and audio queries.
num_classes = 2  # background and sounding; the loss adds "no object"
num_queries = 30

attention = dict(
    embed_dims=256,
    num_heads=8,
    attn_drop=0.0,
    proj_drop=0.0,
    dropout_layer=None,
    batch_first=True,
)
model = dict(
    type='AAVS',
    data_preprocessor=dict(type='AVSDataPreprocessor'),
    backbone=dict(
        type='AdapterSwin',
        with_adapters=True,
        pretrain_img_size=384,
        embed_dims=128,
        depths=(2, 2, 18, 2),
        num_heads=(4, 8, 16, 32),
        window_size=12,
        patch_norm=True,
        out_indices=(0, 1, 2, 3),
        drop_path_rate=0.3,
        drop_path_mode='constant_attention',
    ),
    audio_backbone=dict(
        type='VGGish',
        final_relu=False,  # before the last ReLU, as in AAVS
        frozen=True,
        # The user supplies this file; tools/model_converters writes it.
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/vggish.pth'),
    ),
    decode_head=dict(
        type='AAVSHead',
        audio_query='adaptive',
        adapter_mode='replace',
        in_channels=[128, 256, 512, 1024],
        feat_channels=256,
        out_channels=256,
        num_classes=num_classes,
        num_queries=num_queries,
        num_transformer_feat_level=3,
        align_corners=False,
        pixel_decoder=dict(
            type='mmseg.AdapterPixelDecoder',
            num_outs=3,
            norm_cfg=dict(type='GN', num_groups=32),
            act_cfg=dict(type='ReLU'),
            encoder=dict(
                num_layers=6,
                layer_cfg=dict(
                    self_attn_cfg=dict(
                        embed_dims=256,
                        num_heads=8,
                        num_levels=3,
                        num_points=4,
                        dropout=0.0,
                        batch_first=True,
                    ),
                    ffn_cfg=dict(
                        embed_dims=256,
                        feedforward_channels=1024,
                        num_fcs=2,
                        ffn_drop=0.0,
                        act_cfg=dict(type='ReLU', inplace=True),
                    ),
                ),
            ),
            positional_encoding=dict(num_feats=128, normalize=True),
        ),
        enforce_decoder_input_project=False,
        positional_encoding=dict(num_feats=128, normalize=True),
        transformer_decoder=dict(
            return_intermediate=True,
            num_layers=9,
            layer_cfg=dict(
                self_attn_cfg=attention,
                cross_attn_cfg=attention,
                ffn_cfg=dict(
                    embed_dims=256,
                    feedforward_channels=2048,
                    num_fcs=2,
                    act_cfg=dict(type='ReLU', inplace=True),
                    ffn_drop=0.0,
                    dropout_layer=None,
                    add_identity=True,
                ),
            ),
            init_cfg=None,
        ),
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
                    # 1.0 as published, although loss_cls has weight 2.0.
                    dict(type='mmdet.ClassificationCost', weight=1.0),
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

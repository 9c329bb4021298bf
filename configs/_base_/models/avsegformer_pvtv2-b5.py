# AVSegFormer with PVTv2-B5, one logit per pixel (S4, MS3). Configs of
# ResNet-50 replace the backbone, see resnet50.py.
num_queries = 300
dropout = 0.1
attention = dict(
    embed_dims=256,
    num_heads=8,
    attn_drop=dropout,
    proj_drop=dropout,
    batch_first=True,
)
feedforward = dict(
    embed_dims=256,
    feedforward_channels=2048,
    num_fcs=2,
    ffn_drop=dropout,
    act_cfg=dict(type='GELU'),
)
dice = dict(
    type='mmdet.DiceLoss',
    use_sigmoid=True,
    activate=True,
    naive_dice=False,
    eps=1e-3,
)
model = dict(
    type='AVSegmentor',
    data_preprocessor=dict(type='AVSDataPreprocessor'),
    backbone=dict(
        type='PVTv2',
        # The user supplies this file; tools/model_converters writes it.
        init_cfg=dict(
            type='Pretrained', checkpoint='pretrained/pvt_v2_b5.pth'
        ),
    ),
    audio_backbone=dict(
        type='VGGish',
        final_relu=True,  # as in AVSegFormer
        frozen=True,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/vggish.pth'),
    ),
    decode_head=dict(
        type='AVSegFormerHead',
        in_channels=(64, 128, 320, 512),
        num_classes=1,
        num_queries=num_queries,
        embed_dims=256,
        audio_channels=128,
        audio_query='attention',
        query_generator=dict(num_layers=6, feedforward_channels=1024),
        encoder=dict(
            num_layers=6,
            layer_cfg=dict(
                self_attn_cfg=dict(
                    embed_dims=256,
                    num_heads=8,
                    num_levels=3,
                    num_points=4,
                    dropout=dropout,
                    batch_first=True,
                ),
                ffn_cfg=feedforward,
            ),
        ),
        decoder=dict(
            num_layers=6,
            layer_cfg=dict(
                self_attn_cfg=attention,
                cross_attn_cfg=attention,
                ffn_cfg=feedforward,
            ),
        ),
        mask_head=dict(hidden_channels=2048),
        loss_decode=dict(dice, loss_weight=1.0),
        loss_mix=dict(dice, loss_weight=0.1),
    ),
    test_cfg=dict(mode='whole'),
)

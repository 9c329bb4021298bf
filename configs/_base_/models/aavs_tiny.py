# AAVS small enough for two CPU cores; nothing pretrained, so no adapters.
_base_ = ['./aavs_swin-b.py']

channels = 64
attention = dict(embed_dims=channels, num_heads=4)
model = dict(
    backbone=dict(
        _delete_=True,  # another backbone takes other arguments
        type='ResNet',
        depth=18,
        base_channels=16,
        stem_channels=16,
        out_indices=(0, 1, 2, 3),
        norm_cfg=dict(type='BN'),
        norm_eval=False,
    ),
    audio_backbone=dict(
        _delete_=True,  # likewise
        type='LogMelCNN',
        out_channels=128,
    ),
    decode_head=dict(
        adapter_mode='none',
        audio_hidden_channels=128,
        in_channels=[16, 32, 64, 128],
        feat_channels=channels,
        out_channels=channels,
        num_queries=10,
        pixel_decoder=dict(
            norm_cfg=dict(num_groups=8),
            encoder=dict(
                num_layers=1,
                layer_cfg=dict(
                    self_attn_cfg=attention,
                    ffn_cfg=dict(
                        embed_dims=channels, feedforward_channels=128
                    ),
                ),
            ),
            positional_encoding=dict(num_feats=channels // 2),
        ),
        positional_encoding=dict(num_feats=channels // 2),
        transformer_decoder=dict(
            num_layers=3,
            layer_cfg=dict(
                self_attn_cfg=attention,
                cross_attn_cfg=attention,
                ffn_cfg=dict(embed_dims=channels, feedforward_channels=128),
            ),
        ),
        train_cfg=dict(num_points=1024),
    ),
)

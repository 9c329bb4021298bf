# AVSegFormer small enough for two CPU cores; nothing pretrained or frozen.
_base_ = ['./avsegformer_pvtv2-b5.py']

channels = 64
attention = dict(embed_dims=channels, num_heads=4)
feedforward = dict(embed_dims=channels, feedforward_channels=128)
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
        _delete_=True,
        type='LogMelCNN',
        out_channels=128,
    ),
    decode_head=dict(
        in_channels=(16, 32, 64, 128),
        num_queries=10,
        embed_dims=channels,
        num_heads=4,
        num_groups=8,
        query_generator=dict(num_layers=2, feedforward_channels=128),
        encoder=dict(
            num_layers=1,
            layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=feedforward),
        ),
        decoder=dict(
            num_layers=2,
            layer_cfg=dict(
                self_attn_cfg=attention,
                cross_attn_cfg=attention,
                ffn_cfg=feedforward,
            ),
        ),
        mask_head=dict(hidden_channels=128),
    ),
)

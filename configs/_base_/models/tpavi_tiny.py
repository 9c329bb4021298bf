# TPAVI small enough for two CPU cores; nothing pretrained.
_base_ = ['./tpavi_pvtv2-b5.py']

channels = 64
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
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=channels),
    audio_backbone=dict(
        _delete_=True,
        type='LogMelCNN',
        out_channels=128,
    ),
    decode_head=dict(
        in_channels=[channels] * 4, hidden_channels=32, channels=16
    ),
)

# TPAVI with PVTv2-B5, for one channel of logits (S4, MS3).
_base_ = ['./tpavi_r50.py']

model = dict(
    backbone=dict(
        _delete_=True,  # another backbone takes other arguments
        type='PVTv2',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained', checkpoint='pretrained/pvt_v2_b5.pth'
        ),
    ),
    neck=dict(in_channels=[64, 128, 320, 512]),
)

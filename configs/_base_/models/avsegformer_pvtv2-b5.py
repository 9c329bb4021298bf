# AVSegFormer with PVTv2-B5.
_base_ = ['./avsegformer_r50.py']

model = dict(
    backbone=dict(
        _delete_=True,  # another backbone takes other arguments
        type='PVTv2',
        init_cfg=dict(
            type='Pretrained', checkpoint='pretrained/pvt_v2_b5.pth'
        ),
    ),
    decode_head=dict(in_channels=(64, 128, 320, 512)),
)

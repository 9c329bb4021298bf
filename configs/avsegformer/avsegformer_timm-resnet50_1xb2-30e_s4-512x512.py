"""AVSegFormer on S4 with a backbone of timm, here its ResNet-50.

Not published, so no expected metric. Any timm model with feature maps of
strides 4, 8, 16 and 32 works: set ``backbone.model_name`` and
``decode_head.in_channels``. Weights come from ``load_from``, or from timm with
``backbone.pretrained=True``. Needs timm: pip install 'mmavs[timm]'
Train: python tools/train.py \
    configs/avsegformer/avsegformer_timm-resnet50_1xb2-30e_s4-512x512.py
"""

_base_ = ['./avsegformer_pvtv2-b5_1xb2-30e_s4-512x512.py']

model = dict(
    backbone=dict(
        _delete_=True,  # another backbone takes other arguments
        type='TIMMBackbone',
        model_name='resnet50',
        features_only=True,
        pretrained=False,
        in_channels=3,
        out_indices=(1, 2, 3, 4),
    ),
    decode_head=dict(in_channels=(256, 512, 1024, 2048)),
)

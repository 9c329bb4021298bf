"""AVSegFormer on S4 with a backbone of timm, here its ResNet-50.

Not published. Any timm model that gives feature maps at strides 4 to 32 will
do: set ``backbone.model_name`` and ``decode_head.in_channels``; weights as in
``load_from``, or timm's own by ``backbone.pretrained=True``.
Needs timm: pip install 'mmavs[timm]'
"""

_base_ = ['./avsegformer_r50_1xb2-30e_s4-512x512.py']

model = dict(
    backbone=dict(
        _delete_=True,  # another backbone takes other arguments
        type='TIMMBackbone',
        model_name='resnet50',
        features_only=True,
        pretrained=False,
        in_channels=3,
        out_indices=(1, 2, 3, 4),
    )
)

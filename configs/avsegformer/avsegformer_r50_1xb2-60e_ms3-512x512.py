"""AVSegFormer with ResNet-50 on MS3 (multiple sources), as published.

Authors' README: 53.81 mIoU, 65.6 F at 512x512, protocol ``avsbench-bs2``.
Not trained on AVSBench by this project.
Initialise: as for S4.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_r50_1xb2-60e_ms3-512x512.py
"""

_base_ = [
    './avsegformer_pvtv2-b5_1xb2-60e_ms3-512x512.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    decode_head=dict(in_channels=(256, 512, 1024, 2048)),
)

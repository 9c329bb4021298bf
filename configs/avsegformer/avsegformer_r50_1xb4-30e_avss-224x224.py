"""AVSegFormer with ResNet-50 on AVSS (71 classes), as published.

Authors' README: 26.58 mIoU, 31.5 F, protocol ``avsbench``, which also scores
the frames that pad clips to 10. No parameter is frozen.
Not trained on AVSBench by this project.
Initialise: as for S4.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_r50_1xb4-30e_avss-224x224.py
"""

_base_ = [
    './avsegformer_pvtv2-b5_1xb4-30e_avss-224x224.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    decode_head=dict(in_channels=(256, 512, 1024, 2048)),
)

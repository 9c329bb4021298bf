"""AVSegFormer with ResNet-50 on S4 (single source), as published.

Authors' README: 76.38 mIoU, 86.7 F at 512x512, protocol ``avsbench-bs2``. The
papers give lower figures of an older release at 224x224.
Not trained on AVSBench by this project.
Initialise:
  python tools/model_converters/resnet50.py SRC pretrained/resnet50.pth
  python tools/model_converters/vggish.py SRC pretrained/vggish.pth
Train: python tools/train.py \
    configs/avsegformer/avsegformer_r50_1xb2-30e_s4-512x512.py
"""

_base_ = [
    './avsegformer_pvtv2-b5_1xb2-30e_s4-512x512.py',
    '../_base_/models/resnet50.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.resnet50),
    decode_head=dict(in_channels=(256, 512, 1024, 2048)),
)

"""EASE with DINOv3 ViT-L on AVSS (71 classes) at 384x384, as published.

Paper: 56.5 mIoU, 61.0 F, protocol ``present``.
Not trained on AVSBench by this project.
Initialise: as ViT-B for S4 at 224x224, with --arch large and dinov3_vit-l.pth.
Train: bash tools/dist_train.sh \
    configs/ease/ease_vit-l_2xb20-22e_avss-384x384.py 2
"""

_base_ = [
    './ease_vit-b_2xb40-22e_avss-384x384.py',
    '../_base_/models/vit_l.py',
]

model = dict(backbone=_base_.vit_l, decode_head=_base_.vit_l)
train_dataloader = dict(batch_size=20)  # frames per process

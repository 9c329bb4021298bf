"""EASE with DINOv3 ViT-L on AVSS (71 classes) at 224x224, as published.

Paper: 52.2 mIoU, 57.2 F, protocol ``present``.
Not trained on AVSBench by this project.
Initialise: as ViT-B for S4 at 224x224, with --arch large and dinov3_vit-l.pth.
Train: bash tools/dist_train.sh \
    configs/ease/ease_vit-l_2xb30-22e_avss-224x224.py 2
"""

_base_ = [
    './ease_vit-b_2xb60-22e_avss-224x224.py',
    '../_base_/models/vit_l.py',
]

model = dict(backbone=_base_.vit_l, decode_head=_base_.vit_l)
train_dataloader = dict(batch_size=30)  # frames per process

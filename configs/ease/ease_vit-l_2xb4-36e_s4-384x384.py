"""EASE with DINOv3 ViT-L on S4 (single source) at 384x384, as published.

Paper: 87.7 mIoU, 94.1 F, protocol ``frame``.
Epochs are those of the published config; the paper says 22.
Not trained on AVSBench by this project.
Initialise: as ViT-B for S4 at 224x224, with --arch large and dinov3_vit-l.pth.
Train: bash tools/dist_train.sh \
    configs/ease/ease_vit-l_2xb4-36e_s4-384x384.py 2
"""

_base_ = [
    './ease_vit-b_2xb8-36e_s4-384x384.py',
    '../_base_/models/vit_l.py',
]

model = dict(backbone=_base_.vit_l, decode_head=_base_.vit_l)
train_dataloader = dict(batch_size=4)  # clips per process

"""EASE with DINOv3 ViT-B on S4 (single source) at 384x384, as published.

Paper: 86.2 mIoU, 93.3 F, protocol ``frame``.
Epochs are those of the published config; the paper says 22.
Not trained on AVSBench by this project.
Initialise: as for S4 at 224x224.
Train: bash tools/dist_train.sh \
    configs/ease/ease_vit-b_2xb8-36e_s4-384x384.py 2
"""

_base_ = [
    '../_base_/models/ease_vit-b.py',
    '../_base_/datasets/avsbench_s4_384x384_jitter.py',
    '../_base_/schedules/ease.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=8)  # clips per process

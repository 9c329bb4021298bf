"""EASE with DINOv3 ViT-B on S4 (single source) at 224x224, as published.

Paper: 83.5 mIoU, 92.0 F, protocol ``frame``.
Epochs are those of the published config; the paper says 22.
Not trained on AVSBench by this project.
Initialise:
  python tools/model_converters/dino.py SRC pretrained/dinov3_vit-b.pth \
      --arch base --joint-blocks 4
  python tools/model_converters/vggish.py SRC pretrained/vggish.pth
Train: bash tools/dist_train.sh \
    configs/ease/ease_vit-b_2xb12-36e_s4-224x224.py 2
"""

_base_ = [
    '../_base_/models/ease_vit-b.py',
    '../_base_/datasets/avsbench_s4_224x224_jitter.py',
    '../_base_/schedules/ease.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=12)  # clips per process

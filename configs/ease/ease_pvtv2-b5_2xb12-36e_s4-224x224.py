"""EASE with PVTv2-B5 on S4 (single source) at 224x224, as published.

Paper: 80.4 mIoU, 89.7 F, protocol ``frame``.
Epochs are those of the published config; the paper says 46.
Not trained on AVSBench by this project.
Initialise:
  python tools/model_converters/pvt_v2.py SRC pretrained/ease_pvtv2-b5.pth \
      --ease
  python tools/model_converters/vggish.py SRC pretrained/vggish.pth
Train: bash tools/dist_train.sh \
    configs/ease/ease_pvtv2-b5_2xb12-36e_s4-224x224.py 2
"""

_base_ = [
    '../_base_/models/ease_pvtv2-b5.py',
    '../_base_/datasets/avsbench_s4_224x224_jitter.py',
    '../_base_/schedules/ease.py',
    '../_base_/default_runtime.py',
]

optim_wrapper = dict(paramwise_cfg=dict(layer_decay=1.0))
train_dataloader = dict(batch_size=12)  # clips per process

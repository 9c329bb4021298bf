"""TPAVI with PVTv2-B5 on S4 (single source), as published.

Paper (https://arxiv.org/abs/2207.05042): 78.7 mIoU, 87.9 F, protocol
``avsbench-bs4``. Not trained on AVSBench by this project.
Initialise:
  python tools/model_converters/pvt_v2.py SRC pretrained/pvt_v2_b5.pth
  python tools/model_converters/vggish.py SRC pretrained/vggish.pth
Train: python tools/train.py \
    configs/tpavi/tpavi_pvtv2-b5_1xb4-15e_s4-224x224.py
"""

_base_ = [
    '../_base_/models/tpavi_pvtv2-b5.py',
    '../_base_/datasets/avsbench_s4_224x224.py',
    '../_base_/schedules/tpavi_adam.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=4)
default_hooks = dict(checkpoint=dict(save_best='avsbench-bs4/mIoU'))

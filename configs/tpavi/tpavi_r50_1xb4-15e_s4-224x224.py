"""TPAVI with ResNet-50 on S4 (single source), as published.

Paper (https://arxiv.org/abs/2207.05042): 72.8 mIoU, 84.8 F, protocol
``avsbench-bs4``. We have not trained it on AVSBench; see "State of results" in
README.md. The figure is quoted from memory, to be checked.
Initialise:
  python tools/model_converters/resnet50.py SRC pretrained/resnet50.pth
  python tools/model_converters/vggish.py SRC pretrained/vggish.pth
Train: python tools/train.py configs/tpavi/tpavi_r50_1xb4-15e_s4-224x224.py
"""

_base_ = [
    '../_base_/models/tpavi_r50.py',
    '../_base_/datasets/avsbench_s4_224x224.py',
    '../_base_/schedules/tpavi_adam.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=4)
default_hooks = dict(checkpoint=dict(save_best='avsbench-bs4/mIoU'))

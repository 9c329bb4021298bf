"""AVSegFormer with PVTv2-B5 on MS3 (multiple sources), as published.

Authors' README: 61.33 mIoU, 73.0 F at 512x512, protocol ``avsbench-bs2``.
Not trained on AVSBench by this project.
Initialise: as for S4.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_pvtv2-b5_1xb2-60e_ms3-512x512.py
"""

_base_ = ['./avsegformer_pvtv2-b5_1xb2-30e_s4-512x512.py']

dataset = dict(task='ms3')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
train_cfg = dict(max_epochs=60)
default_hooks = dict(freeze=dict(epoch=10))

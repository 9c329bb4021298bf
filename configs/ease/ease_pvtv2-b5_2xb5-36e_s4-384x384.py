"""EASE with PVTv2-B5 on S4 (single source) at 384x384, as published.

Paper: 83.0 mIoU, 90.9 F, protocol ``frame``.
Epochs are those of the published config; the paper says 46.
Not trained on AVSBench by this project.
Initialise: as for S4 at 224x224.
Train: bash tools/dist_train.sh \
    configs/ease/ease_pvtv2-b5_2xb5-36e_s4-384x384.py 2
"""

_base_ = [
    '../_base_/models/ease_pvtv2-b5.py',
    '../_base_/datasets/avsbench_s4_384x384_jitter.py',
    '../_base_/schedules/ease.py',
    '../_base_/default_runtime.py',
]

model = dict(decode_head=dict(num_queries=49))
optim_wrapper = dict(paramwise_cfg=dict(layer_decay=1.0))
train_dataloader = dict(batch_size=5)  # clips per process

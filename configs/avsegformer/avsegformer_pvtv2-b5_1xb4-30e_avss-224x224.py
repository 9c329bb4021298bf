"""AVSegFormer with PVTv2-B5 on AVSS (71 classes), as published.

Authors' README: 37.31 mIoU, 42.8 F, protocol ``avsbench``, which also scores
the frames that pad clips to 10. No parameter is frozen.
Not trained on AVSBench by this project.
Initialise: as for S4.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_pvtv2-b5_1xb4-30e_avss-224x224.py
"""

_base_ = [
    '../_base_/models/avsegformer_pvtv2-b5.py',
    '../_base_/datasets/avsbench_avss_224x224.py',
    '../_base_/schedules/avsegformer_30e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(pad_clips_to=10),
    decode_head=dict(
        num_classes=71,  # including background
        loss_decode=dict(
            _delete_=True,  # another loss takes other arguments
            type='CrossEntropyLoss',
            avg_non_ignore=True,
            loss_weight=1.0,
        ),
    ),
)
# Validates after epochs 12, 14, ..., 30 (published: 11, 13, ..., 29).
train_cfg = dict(val_begin=12, val_interval=2)
default_hooks = dict(checkpoint=dict(save_best='avsbench/mIoU'))

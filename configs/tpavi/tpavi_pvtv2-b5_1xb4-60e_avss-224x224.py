"""TPAVI with PVTv2-B5 on AVSS (71 classes), as published.

Paper (https://arxiv.org/abs/2301.13190): 29.8 mIoU, 35.2 F, protocol
``avsbench``, which also scores the frames that pad clips to 10.
Not trained on AVSBench by this project.
Initialise: as for S4. tools/model_converters/tpavi.py converts the released
checkpoint.
Train: python tools/train.py \
    configs/tpavi/tpavi_pvtv2-b5_1xb4-60e_avss-224x224.py
"""

_base_ = [
    '../_base_/models/tpavi_pvtv2-b5.py',
    '../_base_/datasets/avsbench_avss_224x224.py',
    '../_base_/schedules/tpavi_adam.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(pad_clips_to=10),
    decode_head=dict(
        num_classes=71,  # including background
        out_channels=71,
        audio_bias=False,
        loss_decode=dict(use_sigmoid=False),
        loss_match=dict(
            type='TPAVIMatchingLoss',
            mask='foreground',
            distance='kl',
            reduction='mean',
            background=0,
            loss_weight=0.5,
        ),
    ),
)
# Validates after epochs 16, 18, ..., 60 (published: 17, 19, ..., 59).
train_cfg = dict(max_epochs=60, val_begin=16, val_interval=2)
default_hooks = dict(checkpoint=dict(save_best='avsbench/mIoU'))

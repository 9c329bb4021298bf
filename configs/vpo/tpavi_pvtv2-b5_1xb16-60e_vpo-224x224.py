"""TPAVI with PVTv2-B5 on VPO-SS (22 classes), with the settings of AVSS.

CAVP's README has TPAVI with another backbone (dilated ResNet-50): 42.44 mIoU
and 55.22 F1 on VPO-SS, protocol ``dataset``. Not trained by this project. The
other subsets: --cfg-options with train_, val_ and
test_dataloader.dataset.subsets="['VPO-MS']".
Initialise: as for S4.
Train: python tools/train.py configs/vpo/tpavi_pvtv2-b5_1xb16-60e_vpo-224x224.py
"""

_base_ = [
    '../_base_/models/tpavi_pvtv2-b5.py',
    '../_base_/datasets/vpo_224x224.py',
    '../_base_/schedules/tpavi_adam.py',
    '../_base_/default_runtime.py',
]

model = dict(
    decode_head=dict(
        num_classes=22,  # including background
        out_channels=22,
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
train_cfg = dict(max_epochs=60)
default_hooks = dict(checkpoint=dict(save_best='dataset/mIoU'))

"""AVSegFormer with PVTv2-B5 on VPO-SS (22 classes), with AVSS's settings.

Not published and not trained by this project, so no expected metric. The
other subsets: --cfg-options with train_, val_ and
test_dataloader.dataset.subsets="['VPO-MS']".
Initialise: as for S4.
Train: python tools/train.py \
    configs/vpo/avsegformer_pvtv2-b5_1xb16-30e_vpo-224x224.py
"""

_base_ = [
    '../_base_/models/avsegformer_pvtv2-b5.py',
    '../_base_/datasets/vpo_224x224.py',
    '../_base_/schedules/avsegformer_30e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    decode_head=dict(
        num_classes=22,  # including background
        loss_decode=dict(
            _delete_=True,  # another loss takes other arguments
            type='CrossEntropyLoss',
            avg_non_ignore=True,
            loss_weight=1.0,
        ),
    ),
)
default_hooks = dict(checkpoint=dict(save_best='dataset/mIoU'))

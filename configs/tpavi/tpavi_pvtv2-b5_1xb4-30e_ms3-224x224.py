"""TPAVI with PVTv2-B5 on MS3 (multiple sources), as published.

Paper (https://arxiv.org/abs/2207.05042): 54.0 mIoU, 64.5 F, protocol
``avsbench-bs4``. Not trained on AVSBench by this project.
Initialise: as for S4, or set load_from to a checkpoint of S4.
Train: python tools/train.py \
    configs/tpavi/tpavi_pvtv2-b5_1xb4-30e_ms3-224x224.py
"""

_base_ = [
    '../_base_/models/tpavi_pvtv2-b5.py',
    '../_base_/datasets/avsbench_s4_224x224.py',
    '../_base_/schedules/tpavi_adam.py',
    '../_base_/default_runtime.py',
]

model = dict(
    decode_head=dict(
        loss_match=dict(
            type='TPAVIMatchingLoss',
            mask='soft',
            distance='kl',
            reduction='sum',  # so its weight grows with the batch size
            loss_weight=0.5,
        )
    )
)
dataset = dict(task='ms3')
train_dataloader = dict(batch_size=4, dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
train_cfg = dict(max_epochs=30)
default_hooks = dict(checkpoint=dict(save_best='avsbench-bs4/mIoU'))

"""TPAVI with ResNet-50 on MS3 (multiple sources), as published.

Paper (https://arxiv.org/abs/2207.05042): 47.9 mIoU, 57.8 F, protocol
``avsbench-bs4``. We have not trained it on AVSBench; see "State of results" in
README.md. The figure is quoted from memory, to be checked.
Initialise: as for S4, or with load_from a checkpoint of S4.
Train: python tools/train.py configs/tpavi/tpavi_r50_1xb4-30e_ms3-224x224.py
"""

_base_ = [
    '../_base_/models/tpavi_r50.py',
    '../_base_/datasets/avsbench_ms3_224x224.py',
    '../_base_/schedules/tpavi_adam.py',
    '../_base_/default_runtime.py',
]

model = dict(
    decode_head=dict(
        loss_match=dict(
            type='TPAVIMatchingLoss',
            mask='soft',
            distance='kl',
            reduction='sum',  # its weight grows with the batch
            loss_weight=0.5,
        )
    )
)
train_dataloader = dict(batch_size=4)
train_cfg = dict(max_epochs=30)
default_hooks = dict(checkpoint=dict(save_best='avsbench-bs4/mIoU'))

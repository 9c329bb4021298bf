"""AVSegFormer with ResNet-50 on MS3 (multiple sources), as published.

Authors' README: 53.81 mIoU, 65.6 F, at 512x512, protocol ``avsbench-bs2``. We
have not trained it on AVSBench; see "State of results" in README.md.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_r50_1xb2-60e_ms3-512x512.py
"""

_base_ = [
    '../_base_/models/avsegformer_r50.py',
    '../_base_/datasets/avsbench_ms3_512x512.py',
    '../_base_/schedules/avsegformer_30e.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=2)
val_dataloader = dict(batch_size=2)
test_dataloader = dict(batch_size=2)
train_cfg = dict(max_epochs=60)
default_hooks = dict(
    freeze=dict(
        type='FreezeUntilHook', parameters=(r'^backbone\.',), epoch=10
    ),
    checkpoint=dict(save_best='avsbench-bs2/mIoU'),
)

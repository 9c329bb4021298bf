"""EASE with DINOv3 ViT-B on MS3 (several sources) at 384x384, as published.

Paper: 62.9 mIoU, 73.6 F, protocol ``frame``.
Epochs are those of the published config; the paper says 40.
Not trained on AVSBench by this project.
Initialise: as for S4 at 224x224.
Train: bash tools/dist_train.sh \
    configs/ease/ease_vit-b_2xb8-72e_ms3-384x384.py 2
"""

_base_ = [
    '../_base_/models/ease_vit-b.py',
    '../_base_/datasets/avsbench_s4_384x384_jitter.py',
    '../_base_/schedules/ease.py',
    '../_base_/default_runtime.py',
]

dataset = dict(task='ms3')
train_dataloader = dict(batch_size=8, dataset=dataset)  # clips per process
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
max_epochs = 72
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(_base_.warmup_poly, warmup=(50, 100), end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)

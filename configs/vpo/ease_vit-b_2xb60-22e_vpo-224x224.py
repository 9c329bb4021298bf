"""EASE with DINOv3 ViT-B on VPO-SS (22 classes), with the settings of AVSS.

Not trained by this project, so no expected metric. EASE's own code averages
VGGish's embeddings of the 3 s; here the one in the middle is used. The other
subsets: --cfg-options with train_, val_ and
test_dataloader.dataset.subsets="['VPO-MS']".
Initialise: as for S4 at 224x224.
Train: bash tools/dist_train.sh \
    configs/vpo/ease_vit-b_2xb60-22e_vpo-224x224.py 2
"""

_base_ = [
    '../_base_/models/ease_vit-b.py',
    '../_base_/datasets/vpo_224x224.py',
    '../_base_/schedules/ease.py',
    '../_base_/default_runtime.py',
]

num_classes = 22  # including background
model = dict(
    decode_head=dict(
        num_classes=num_classes,
        loss_cls=dict(class_weight=[1.0] * num_classes + [0.1]),
    )
)
train_dataloader = dict(batch_size=60)  # frames per process
max_epochs = 22
param_scheduler = [dict(_base_.warmup_poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
default_hooks = dict(checkpoint=dict(save_best='dataset/mIoU'))

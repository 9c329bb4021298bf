"""AAVS on VPO-SS (22 classes) in a single stage, with the settings of AVSS.

Not published and not trained by this project, so no expected metric. The
other subsets: --cfg-options with train_, val_ and
test_dataloader.dataset.subsets="['VPO-MS']".
Initialise: as for S4, with hf_mask2former.py SRC DST --keep-queries.
Train: python tools/train.py configs/vpo/aavs_swin-b_1xb16-60e_vpo-224x224.py
"""

_base_ = [
    '../_base_/models/aavs_swin-b.py',
    '../_base_/datasets/vpo_224x224.py',
    '../_base_/schedules/aavs_60e.py',
    '../_base_/default_runtime.py',
]

num_classes = 22  # including background; the loss adds "no object"
load_from = 'pretrained/mask2former_swin-b_ade20k_100-queries.pth'
model = dict(
    decode_head=dict(
        adapter_mode='append',
        num_classes=num_classes,
        num_queries=100,
        loss_cls=dict(class_weight=[1.0] * num_classes + [0.1]),
    )
)
optim_wrapper = dict(clip_grad=None)
default_hooks = dict(
    tuning=dict(
        type='TwoPhaseTuningHook',
        trainable=(  # query_feat is not trained
            r'decode_head\.query_embed',
            r'decode_head\..*adapter',
            r'decode_head\.cls_embed',
            r'decode_head\.audio_query\.audio_proj',
        ),
        backbone_adapters=r'backbone\..*adapter',
        switch_epoch=20,
        phase2_lr=1e-4,
    ),
    checkpoint=dict(save_best='dataset/mIoU'),
)

"""AAVS on AVSS (71 classes) in a single stage, the baseline of stage two.

Equal to configs/stepping_stones/aavs_swin-b_stage2_1xb1-60e_avss-384x384.py
without the mask prior. The settings of the paper's single stage were not
published; these are those of its stage two.
Not trained on AVSBench by this project.
Initialise: as for S4, with hf_mask2former.py SRC DST --keep-queries.
Train: python tools/train.py configs/aavs/aavs_swin-b_1xb1-60e_avss-384x384.py
"""

_base_ = [
    '../_base_/models/aavs_swin-b.py',
    '../_base_/datasets/avsbench_avss_384x384.py',
    '../_base_/schedules/aavs_60e.py',
    '../_base_/default_runtime.py',
]

num_classes = 71  # including background; the loss adds "no object"
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
    checkpoint=dict(save_best='stepping_stones/mIoU'),
)

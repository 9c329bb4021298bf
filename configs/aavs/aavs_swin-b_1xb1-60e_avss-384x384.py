"""AAVS on AVSS (71 classes) in a single stage, without the stepping stone.

What two stages are compared with: exactly
configs/stepping_stones/aavs_swin-b_stage2_1xb1-60e_avss-384x384.py without
the mask prior. The settings are those of the published stage two, since the
single stage's own were not published. We have not trained it on AVSBench.
Initialise: as for S4, but hf_mask2former.py SRC DST --keep-queries.
Train: python tools/train.py configs/aavs/aavs_swin-b_1xb1-60e_avss-384x384.py
"""

_base_ = ['./aavs_swin-b_1xb1-60e_s4-384x384.py']

num_classes = 71  # background is one of them; "no object" comes on top
load_from = 'pretrained/mask2former_swin-b_ade20k_100-queries.pth'
model = dict(
    decode_head=dict(
        adapter_mode='append',
        num_classes=num_classes,
        num_queries=100,
        loss_cls=dict(class_weight=[1.0] * num_classes + [0.1]),
    )
)
labels = dict(type='LoadClipMasks', label='semantic', size=_base_.mask_size)
load = [_base_.pipeline[0], labels]
then = _base_.pipeline[2:]
dataset = dict(task='avss', labels='semantic', pipeline=[*load, *then])
# The published loader does not shuffle; True is the usual choice.
train_dataloader = dict(sampler=dict(shuffle=False), dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
val_evaluator = dict(
    _delete_=True,  # another metric takes other protocols
    type='AVSSemanticMetric',
    protocols=['stepping_stones', 'avsbench', 'dataset'],
)
test_evaluator = val_evaluator
optim_wrapper = dict(clip_grad=None)
default_hooks = dict(
    tuning=dict(
        trainable=(  # not query_feat: it stays as pretrained
            r'decode_head\.query_embed',
            r'decode_head\..*adapter',
            r'decode_head\.cls_embed',
            r'decode_head\.audio_query\.audio_proj',
        ),
        switch_epoch=20,
    ),
)

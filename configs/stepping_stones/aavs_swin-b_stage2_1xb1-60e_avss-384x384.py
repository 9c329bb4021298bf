"""Stepping Stones, stage two: AAVS on AVSS with the masks of stage one.

Paper (Table 1): 48.5 mIoU, 53.2 F, protocol ``stepping_stones``.
Not trained on AVSBench by this project.
Masks: python tools/test.py STAGE_ONE_CONFIG CHECKPOINT --dump-masks DIR
Train: python tools/train.py \
    configs/stepping_stones/aavs_swin-b_stage2_1xb1-60e_avss-384x384.py \
    --cfg-options val_dataloader.dataset.mask_prior.root=DIR
"""

_base_ = ['../aavs/aavs_swin-b_1xb1-60e_avss-384x384.py']

model = dict(decode_head=dict(mask_prior=dict(type='MaskPrior')))
# The prior: labels in training, masks of stage one in validation and test.
train_dataloader = dict(
    dataset=dict(
        pipeline=_base_.stage_two_pipeline,
        mask_prior=dict(source='truth'),
    )
)
dataset = dict(
    pipeline=_base_.stage_two_pipeline,
    mask_prior=dict(source='files', root='work_dirs/stage_one_masks'),
)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
default_hooks = dict(
    tuning=dict(
        trainable=(
            # One expression, because the prior has no parameters without robust key.
            r'decode_head\.(query_embed|mask_prior)',
            r'decode_head\..*adapter',
            r'decode_head\.cls_embed',
            r'decode_head\.audio_query\.audio_proj',
        ),
    ),
    # expect_checkpoint=HASH refuses masks of any other checkpoint.
    mask_prior_check=dict(type='MaskPriorCheckHook', size=_base_.mask_size),
)

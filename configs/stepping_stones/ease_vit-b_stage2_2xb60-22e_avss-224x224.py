"""Stepping Stones, stage two, on EASE with DINOv3 ViT-B.

Not published: neither paper trains EASE in two stages, so there is no figure
to compare with. The prior is added to the upscaled map, as in the systems
without masked attention in testing (section 4.3 of Stepping Stones).
Masks: python tools/test.py STAGE_ONE_CONFIG CHECKPOINT --dump-masks DIR
Train: bash tools/dist_train.sh \
    configs/stepping_stones/ease_vit-b_stage2_2xb60-22e_avss-224x224.py 2 \
    --cfg-options val_dataloader.dataset.mask_prior.root=DIR
"""

_base_ = ['../ease/ease_vit-b_2xb60-22e_avss-224x224.py']

model = dict(
    decode_head=dict(
        mask_prior=dict(
            type='MaskPrior', robust_key=False, init_attention=False
        )
    )
)
# The prior: labels in training, masks of stage one in validation and test.
train_dataloader = dict(
    dataset=dict(
        pipeline=_base_.stage_two_train_pipeline,
        mask_prior=dict(source='truth'),
    )
)
dataset = dict(
    pipeline=_base_.stage_two_pipeline,
    # The folder given to --dump-masks, relative to the working directory.
    mask_prior=dict(source='files', root='work_dirs/stage_one_masks'),
)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
default_hooks = dict(
    # expect_checkpoint=HASH refuses masks of any other checkpoint.
    mask_prior_check=dict(type='MaskPriorCheckHook', size=_base_.mask_size),
)

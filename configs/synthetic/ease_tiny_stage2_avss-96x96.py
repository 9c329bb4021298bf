"""Stepping Stones, stage two, on EASE: synthetic clips, the tiny model.

The single stage (ease_tiny_avss-96x96.py) with a mask prior.
Train both stages: python tools/run_stepping_stones.py \
    configs/synthetic/ease_tiny_avss-binary-96x96.py \
    configs/synthetic/ease_tiny_stage2_avss-96x96.py \
    --work-dir work_dirs/tiny
"""

_base_ = ['./ease_tiny_avss-96x96.py']

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
        pipeline=_base_.stage_two_pipeline,
        mask_prior=dict(source='truth'),
    )
)
dataset = dict(
    pipeline=_base_.stage_two_pipeline,
    # The folder given to --dump-masks, relative to the working directory.
    mask_prior=dict(source='files', root='work_dirs/tiny/masks'),
)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
default_hooks = dict(
    mask_prior_check=dict(type='MaskPriorCheckHook', size=_base_.mask_size),
)

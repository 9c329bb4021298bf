"""Stepping Stones, stage two, on AAVS: synthetic clips, the tiny model.

The single stage (aavs_tiny_avss-96x96.py) with a mask prior.
Measured: 44.5 +- 7.2 mIoU (synthetic, 3 seeds, ``dataset``).
Train both stages: python tools/run_stepping_stones.py \
    configs/synthetic/aavs_tiny_avss-binary-96x96.py \
    configs/synthetic/aavs_tiny_stage2_avss-96x96.py \
    --work-dir work_dirs/tiny
"""

_base_ = ['./aavs_tiny_avss-96x96.py']

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
    # The folder given to --dump-masks, relative to the working directory.
    mask_prior=dict(source='files', root='work_dirs/tiny/masks'),
)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
default_hooks = dict(
    mask_prior_check=dict(type='MaskPriorCheckHook', size=_base_.mask_size),
)

"""Stepping Stones, stage two, on AVSegFormer with PVTv2-B5.

Paper (Table 2, backbone not named, release of April 2023): 39.4 mIoU, 42.5 F
with the "high" prior, 35.4 and 39.0 with the "low" one.
Not trained on AVSBench by this project. The code was not published; the
prior is added to the mask feature as in AAVS (section 4.3).
Masks: python tools/test.py STAGE_ONE_CONFIG CHECKPOINT --dump-masks DIR
Train: python tools/train.py \
    configs/stepping_stones/avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py \
    --cfg-options val_dataloader.dataset.mask_prior.root=DIR
"""

_base_ = ['../avsegformer/avsegformer_pvtv2-b5_1xb4-30e_avss-224x224.py']

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

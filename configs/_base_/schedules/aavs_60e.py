# The published schedule: 30 epochs with the backbone as pretrained, then 30
# with its adapters, from the best checkpoint of the first half.
max_epochs = 60
switch_epoch = max_epochs // 2

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01, norm_type=2),
)
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# A default hook, not a custom one: children change single keys of it.
default_hooks = dict(
    tuning=dict(
        type='TwoPhaseTuningHook',
        trainable=(
            r'decode_head\.query_(embed|feat)',
            r'decode_head\..*adapter',
            r'decode_head\.cls_embed',
            r'decode_head\.audio_query\.audio_proj',
        ),
        backbone_adapters=r'backbone\..*adapter',
        switch_epoch=switch_epoch,
        phase2_lr=1e-4,
    )
)

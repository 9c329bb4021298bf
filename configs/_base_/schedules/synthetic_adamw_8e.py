# As synthetic_adamw.py for batches of 4 instead of 8: half the epochs give as
# many steps.
max_epochs = 8

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=4
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

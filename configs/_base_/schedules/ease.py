# The published optimiser, for 2 processes: the rate of the backbone has the
# factor sqrt(2), and batch sizes are those of one process. Published in fp16;
# optim_wrapper.type=AmpOptimWrapper sets it on CUDA.
max_epochs = 36

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='LateBackboneOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01, norm_type=2),
    paramwise_cfg=dict(layer_decay=0.8, backbone_lr_mult=2**0.5),
)
warmup_poly = dict(
    type='TwoStageWarmupPolyLR',
    warmup=(300, 600),
    power=0.9,
    end=max_epochs,
    by_epoch=True,
    convert_to_iter_based=True,
)
param_scheduler = [warmup_poly]
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# ResNet-50 of TPAVI and AVSegFormer. It only defines a variable: a config
# replaces the backbone of its model with `_base_.resnet50`.
resnet50 = dict(
    type='ResNet',
    depth=50,
    out_indices=(0, 1, 2, 3),
    style='pytorch',
    norm_cfg=dict(type='BN'),
    norm_eval=False,  # as published, also while the backbone is frozen
    # The user supplies this file; tools/model_converters writes it.
    init_cfg=dict(type='Pretrained', checkpoint='pretrained/resnet50.pth'),
)

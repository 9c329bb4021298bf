# With batches half as large, as many steps as the demo's.
_base_ = ['./synthetic_adamw.py']
max_epochs = 8

param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=max_epochs)

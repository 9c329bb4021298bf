"""Stage one on the synthetic AVSS clips: the demo's model, other clips.

14 classes instead of 6, of which the sound tells 8 apart and the look the
rest. Write them: python tools/dataset_converters/make_synthetic.py \
    --root data/synthetic_avss --subsets v1m --classes 14 --test 96
Train: python tools/train.py configs/synthetic/aavs_tiny_avss-binary-96x96.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

max_epochs = 8  # of smaller batches, so as many steps as the demo's
dataset = dict(data_root='data/synthetic_avss')
train_dataloader = dict(batch_size=4, num_workers=0, dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        eta_min=1e-5,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=max_epochs)

# Synthetic clips of 14 classes, of which the sound tells 8 apart and the look
# the rest. Write them: python tools/dataset_converters/make_synthetic.py \
#     --root data/synthetic_avss --subsets v1m --classes 14 --test 96
_base_ = ['./synthetic_ms3_96x96.py']

data_root = 'data/synthetic_avss'
labels = dict(type='LoadClipMasks', label='semantic', size=_base_.mask_size)
load = [_base_.pipeline[0], labels]
then = _base_.pipeline[2:]
dataset = dict(
    data_root=data_root,
    task='avss',
    subsets=('v1m',),  # clips with silent objects of the same classes
    labels='semantic',
    pipeline=[*load, *then],
)
train_dataloader = dict(batch_size=4, num_workers=0, dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
val_evaluator = dict(
    _delete_=True,  # another metric takes other protocols
    type='AVSSemanticMetric',
    protocols=['dataset', 'stepping_stones', 'avsbench'],
)
test_evaluator = val_evaluator

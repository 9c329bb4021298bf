"""The demo's model on AVSS in a single stage: which class sounds where.

71 classes, of which the synthetic clips show 14 and the background: look at
the protocol ``dataset``, the mean over the classes seen; the others cannot
exceed 15/71.
Train: python tools/train.py configs/synthetic/aavs_tiny_avss-96x96.py
"""

_base_ = ['./aavs_tiny_avss-binary-96x96.py']

num_classes = 71  # background is one of them; "no object" comes on top
model = dict(
    decode_head=dict(
        num_classes=num_classes,
        num_queries=20,
        loss_cls=dict(class_weight=[1.0] * num_classes + [0.1]),
    )
)
labels = dict(type='LoadClipMasks', label='semantic', size=_base_.mask_size)
load = [_base_.pipeline[0], labels]
then = _base_.pipeline[2:]
dataset = dict(
    task='avss',
    subsets=('v1m',),  # clips with silent objects of the same classes
    labels='semantic',
    pipeline=[*load, *then],
)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
val_evaluator = dict(
    _delete_=True,  # another metric takes other protocols
    type='AVSSemanticMetric',
    protocols=['dataset', 'stepping_stones', 'avsbench'],
)
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='dataset/mIoU'))

"""TPAVI on a small ResNet, AVSS in a single stage: which class sounds where.

71 classes, of which the synthetic clips show 6 and the background: look at the
protocol ``dataset``, the mean over the classes seen.
Train: python tools/train.py configs/synthetic/tpavi_tiny_avss-96x96.py
"""

_base_ = ['./tpavi_tiny_ms3-96x96.py']

model = dict(
    decode_head=dict(
        num_classes=71,  # background is one of them
        out_channels=71,
        audio_bias=False,
        loss_decode=dict(use_sigmoid=False),
        loss_match=dict(mask='foreground', reduction='mean'),
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
    protocols=['dataset', 'stepping_stones'],
)
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='dataset/mIoU'))

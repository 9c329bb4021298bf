"""Stage one of Stepping Stones on EASE with ViT-B: AVSS, binary.

It predicts which pixels sound, on all three subsets; stage two
(configs/stepping_stones/ease_vit-b_stage2_2xb60-22e_avss-224x224.py) reads its
masks. Not published, so no expected metric: data and schedule are those of
AVSS.
Train: bash tools/dist_train.sh \
    configs/ease/ease_vit-b_2xb60-22e_avss-binary-224x224.py 2
"""

_base_ = [
    '../_base_/models/ease_vit-b.py',
    '../_base_/datasets/avsbench_avss_224x224_frames.py',
    '../_base_/schedules/ease.py',
    '../_base_/default_runtime.py',
]

labels = dict(type='LoadClipMasks', label='binary', binary_resize='nearest')
train_labels = [_base_.load_frames, dict(labels, size=None)]
test_labels = [_base_.load_frames, dict(labels, size=_base_.mask_size)]
train_pipeline = [
    *train_labels,
    *_base_.load_sound,
    *_base_.augment,
    *_base_.resize,
]
train_dataloader = dict(
    batch_size=60,  # frames per process
    dataset=dict(labels='binary', pipeline=train_pipeline),
)
dataset = dict(
    labels='binary',
    pipeline=[*test_labels, *_base_.load_sound, *_base_.resize],
)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
val_evaluator = dict(
    _delete_=True,  # another metric takes other protocols
    type='AVSBinaryMetric',
    protocols=['frame', 'split', 'stepping_stones'],
)
test_evaluator = val_evaluator
max_epochs = 22
param_scheduler = [dict(_base_.warmup_poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)

"""AVSegFormer with ResNet-50 on AVSS, stage one: what sounds, whatever it is.

The network of S4 and MS3 at the size of AVSS, all three subsets. Its masks
are the stepping stones of
configs/stepping_stones/avsegformer_r50_stage2_1xb4-30e_avss-224x224.py.
Not published: the settings are those of AVSS and the loss that of S4 and MS3.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_r50_1xb4-30e_avss-binary-224x224.py
"""

_base_ = [
    '../_base_/models/avsegformer_r50.py',
    '../_base_/datasets/avsbench_avss_224x224.py',
    '../_base_/schedules/avsegformer_30e.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=dict(pad_clips_to=10))
labels = dict(type='LoadClipMasks', label='binary', binary_resize='nearest')
train, test = _base_.train_pipeline, _base_.pipeline
train_pipeline = [train[0], dict(labels, size=None), *train[2:]]
pipeline = [test[0], dict(labels, size=_base_.mask_size), *test[2:]]
train_dataloader = dict(dataset=dict(labels='binary', pipeline=train_pipeline))
dataset = dict(labels='binary', pipeline=pipeline)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
val_evaluator = dict(
    _delete_=True,  # another metric takes other protocols
    type='AVSBinaryMetric',
    protocols=['split', 'stepping_stones'],
)
test_evaluator = val_evaluator
train_cfg = dict(val_interval=2)

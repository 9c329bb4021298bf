"""Stage one of Stepping Stones on AVSegFormer with PVTv2-B5: AVSS, binary.

It predicts which pixels sound, on all three subsets; stage two
(configs/stepping_stones/avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224.py)
reads its masks. Not published, so no expected metric: data and schedule are
those of AVSS, the loss that of S4 and MS3.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_pvtv2-b5_1xb4-30e_avss-binary-224x224.py
"""

_base_ = [
    '../_base_/models/avsegformer_pvtv2-b5.py',
    '../_base_/datasets/avsbench_avss_224x224.py',
    '../_base_/schedules/avsegformer_30e.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=dict(pad_clips_to=10))
labels = dict(type='LoadClipMasks', label='binary', binary_resize='nearest')
train_labels = [_base_.load_frames, dict(labels, size=None)]
test_labels = [_base_.load_frames, dict(labels, size=_base_.mask_size)]
train_pipeline = [*train_labels, *_base_.load_sound, *_base_.crop]
pipeline = [*test_labels, *_base_.load_sound, *_base_.resize]
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

"""AAVS stage one on AVSBench-semantic's own videos (v2), binary labels.

The third stage-one model: the authors train one per subset, and those of v1s
and v1m are the S4 and MS3 models. Paper: 72.8 IoU.
Not trained on AVSBench by this project.
Initialise: as for S4.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-60e_avss-binary-384x384.py
"""

_base_ = ['./aavs_swin-b_1xb1-60e_s4-384x384.py']

dataset = dict(task='avss', subsets=('v2',))
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

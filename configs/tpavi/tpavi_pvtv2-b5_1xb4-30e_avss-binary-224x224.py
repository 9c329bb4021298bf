"""TPAVI with PVTv2-B5 on AVSBench-semantic's own videos (v2), binary labels.

The third of the stage-one models that stage two of Stepping Stones needs;
those of v1s and v1m are the S4 and MS3 models. Not published: the settings
are those of MS3, the other task whose frames are all labelled.
Train: python tools/train.py \
    configs/tpavi/tpavi_pvtv2-b5_1xb4-30e_avss-binary-224x224.py
"""

_base_ = ['./tpavi_pvtv2-b5_1xb4-30e_ms3-224x224.py']

dataset = dict(task='avss', subsets=('v2',))
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

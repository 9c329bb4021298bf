"""TPAVI with PVTv2-B5 on AVSBench-semantic's own videos (v2), binary labels.

Stage two of Stepping Stones needs three stage-one models: those of S4 (v1s),
of MS3 (v1m) and this one. Not published, so no expected metric: the settings
are those of MS3, where all frames are labelled, too.
Train: python tools/train.py \
    configs/tpavi/tpavi_pvtv2-b5_1xb4-30e_avss-binary-224x224.py
"""

_base_ = ['./tpavi_pvtv2-b5_1xb4-30e_ms3-224x224.py']

dataset = dict(task='avss', subsets=('v2',))
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

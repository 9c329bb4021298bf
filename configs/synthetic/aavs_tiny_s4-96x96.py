"""The model of `make demo` on S4-like clips: one source, frame 0 labelled.

Data: python tools/dataset_converters/make_synthetic.py --root data/synthetic
Train: python tools/train.py configs/synthetic/aavs_tiny_s4-96x96.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

dataset = dict(task='s4')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

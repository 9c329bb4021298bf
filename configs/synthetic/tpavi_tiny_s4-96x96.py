"""TPAVI with a small ResNet, S4-like synthetic clips: frame 0 labelled.

Not a published setting: for tests, and to compare the systems on equal data.
Train: python tools/train.py configs/synthetic/tpavi_tiny_s4-96x96.py
"""

_base_ = ['./tpavi_tiny_ms3-96x96.py']

model = dict(decode_head=dict(loss_match=None))
dataset = dict(task='s4', unlabelled='ignore')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)

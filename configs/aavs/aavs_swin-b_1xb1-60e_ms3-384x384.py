"""AAVS stage one on MS3 (multiple sources), as published.

Paper (Table 1): 67.3 mIoU, 77.6 F, protocol ``stepping_stones``.
Not trained on AVSBench by this project.
Initialise: as for S4.
Train: python tools/train.py configs/aavs/aavs_swin-b_1xb1-60e_ms3-384x384.py
"""

_base_ = ['./aavs_swin-b_1xb1-60e_s4-384x384.py']

dataset = dict(task='ms3')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
# Published for this task only.
model = dict(decode_head=dict(skip_silent_clips=True))

"""AAVS stage one on S4, with the adapters of stage two.

The adapters follow the output projections of the attentions; those of the
published stage one replace them. Not in the paper.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-60e_s4-384x384_append-adapters.py
"""

_base_ = ['./aavs_swin-b_1xb1-60e_s4-384x384.py']

model = dict(decode_head=dict(adapter_mode='append'))

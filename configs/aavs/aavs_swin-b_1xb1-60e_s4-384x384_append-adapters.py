"""Ablation: adapters behind the output projections, as in stage two.

The published stage one puts them in the projections' place.
"""

_base_ = ['./aavs_swin-b_1xb1-60e_s4-384x384.py']

model = dict(decode_head=dict(adapter_mode='append'))

"""EASE without masked attention and without intermediate predictions.

The paper prints no figure.
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

model = dict(decode_head=dict(masked_attention=False))
custom_hooks = []  # there is nothing to anneal

"""EASE that fuses audio before and after the last block alone.

The paper prints no figure.
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

model = dict(decode_head=dict(fuse_before=(3,)))

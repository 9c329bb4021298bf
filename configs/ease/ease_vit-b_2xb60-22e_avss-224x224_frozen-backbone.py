"""EASE that trains only the last four blocks and what is new.

The paper prints no figure.
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

model = dict(backbone=dict(frozen=True))

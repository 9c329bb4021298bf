"""EASE with bi-attention as fuser.

Paper: 43.5 mIoU, 48.7 F, protocol ``present``; 45.8 and 50.7 without this
change.
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

model = dict(
    decode_head=dict(
        fuser=dict(
            _delete_=True,  # another class takes other arguments
            type='EASEBiAttention',
            num_heads=8,
            num_tokens=5,
        )
    )
)

"""EASE without clusters of audio: one projected token per frame.

Paper: 44.3 mIoU, 49.3 F, protocol ``present``; 45.8 and 50.7 without this
change.
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

model = dict(
    decode_head=dict(
        audio_enhancer=dict(
            _delete_=True,  # another class takes other arguments
            type='EASELinearEnhancer',
        )
    )
)

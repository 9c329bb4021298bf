"""Ablation: the model does not hear; how far do looks alone go?

Not in the paper. A model that scores much above it uses the sound.
"""

_base_ = ['./aavs_swin-b_1xb1-30e_s4-384x384_frozen-backbone.py']

model = dict(decode_head=dict(audio_query='none'))
default_hooks = dict(
    tuning=dict(
        trainable=(
            r'decode_head\.query_(embed|feat)',
            r'decode_head\..*adapter',
            r'decode_head\.cls_embed',
        )
    )
)

"""Ablation: no adapters anywhere; queries and class head alone are tuned.

Not in the paper.
"""

_base_ = ['./aavs_swin-b_1xb1-30e_s4-384x384_frozen-backbone.py']

model = dict(decode_head=dict(adapter_mode='none'))
default_hooks = dict(
    tuning=dict(
        trainable=(
            r'decode_head\.query_(embed|feat)',
            r'decode_head\.cls_embed',
            r'decode_head\.audio_query\.audio_proj',
        )
    )
)

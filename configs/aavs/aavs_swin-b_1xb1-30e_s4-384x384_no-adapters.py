"""Ablation on S4: frozen backbone and no adapters in the decoder either.

Only queries, class head and audio projection are trained. Not in the paper.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-30e_s4-384x384_no-adapters.py
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

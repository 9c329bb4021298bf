"""Ablation on S4: frozen backbone and no audio query, a video-only model.

Not in the paper. A model shows that it uses the audio by scoring clearly
higher than this one.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-30e_s4-384x384_no-audio.py
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

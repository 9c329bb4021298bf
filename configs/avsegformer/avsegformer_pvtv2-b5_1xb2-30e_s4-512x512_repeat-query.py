"""AVSegFormer on S4 with the audio queries of the release before August 2023.

Every query is the audio embedding of its frame. That release had other sizes
and losses as well; this config changes the queries only, so the published
figures do not apply.
Train: python tools/train.py \
    configs/avsegformer/avsegformer_pvtv2-b5_1xb2-30e_s4-512x512_repeat-query.py
"""

_base_ = ['./avsegformer_pvtv2-b5_1xb2-30e_s4-512x512.py']

model = dict(decode_head=dict(audio_query='repeat', query_generator=None))

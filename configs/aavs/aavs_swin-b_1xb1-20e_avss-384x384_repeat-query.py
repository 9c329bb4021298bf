"""Ablation on AVSS: frozen backbone, the same audio added to all queries.

Paper (Table 3, repeated audio query): 36.0 mIoU, 41.0 F, protocol
``stepping_stones``. Not trained on AVSBench by this project.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-20e_avss-384x384_repeat-query.py
"""

_base_ = ['./aavs_swin-b_1xb1-20e_avss-384x384_frozen-backbone.py']

model = dict(decode_head=dict(audio_query='repeat'))

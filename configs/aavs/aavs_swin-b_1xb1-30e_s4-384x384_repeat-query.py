"""Ablation on S4: frozen backbone, the same audio added to all queries.

Paper (Table 3, repeated audio query): 80.7 mIoU, 88.4 F, protocol
``stepping_stones``. Not trained on AVSBench by this project.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-30e_s4-384x384_repeat-query.py
"""

_base_ = ['./aavs_swin-b_1xb1-30e_s4-384x384_frozen-backbone.py']

model = dict(decode_head=dict(audio_query='repeat'))

"""Ablation: frozen backbone, and the same audio added to every query.

Paper (Table 3, repeated audio query): 36.0 mIoU, 41.0 F, protocol
``stepping_stones``. We have not trained it on AVSBench.
"""

_base_ = ['./aavs_swin-b_1xb1-20e_avss-384x384_frozen-backbone.py']

model = dict(decode_head=dict(audio_query='repeat'))

"""Ablation: frozen backbone, and the same audio added to every query.

Paper (Table 3, repeated audio query): 80.7 mIoU, 88.4 F, protocol
``stepping_stones``. We have not trained it on AVSBench.
"""

_base_ = ['./aavs_swin-b_1xb1-30e_s4-384x384_frozen-backbone.py']

model = dict(decode_head=dict(audio_query='repeat'))

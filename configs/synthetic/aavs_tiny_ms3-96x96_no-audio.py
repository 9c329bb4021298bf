"""Control: the demo's model without ears, to compare with the blind bound.

Train: python tools/train.py configs/synthetic/aavs_tiny_ms3-96x96_no-audio.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

model = dict(decode_head=dict(audio_query='none'))
find_unused_parameters = True  # nobody listens to the audio backbone

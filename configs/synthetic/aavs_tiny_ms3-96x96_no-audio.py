"""Control: the model of `make demo` without audio queries, so video only.

Compare with the bound that make_synthetic.py prints for a model without sound.
Train: python tools/train.py configs/synthetic/aavs_tiny_ms3-96x96_no-audio.py
"""

_base_ = ['./aavs_tiny_ms3-96x96.py']

model = dict(decode_head=dict(audio_query='none'))
find_unused_parameters = True  # the output of the audio backbone is not used

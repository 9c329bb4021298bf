"""EASE whose queries also depend on the previous second, on synthetic clips.

Not published, see configs/ease/*_query-propagation.py. Train:
  python tools/train.py \
      configs/synthetic/ease_tiny_ms3-96x96_query-propagation.py
"""

_base_ = ['./ease_tiny_ms3-96x96.py']

model = dict(decode_head=dict(query_propagation=True))

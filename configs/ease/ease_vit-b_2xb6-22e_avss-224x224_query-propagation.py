"""EASE whose queries also depend on the previous second, on AVSS.

Not published: the idea is VidEoMT's (https://arxiv.org/abs/2602.17807), which
has no audio. A batch has 6 clips instead of 60 frames.
"""

_base_ = ['./ease_vit-b_2xb60-22e_avss-224x224.py']

model = dict(decode_head=dict(query_propagation=True))
train_dataloader = dict(batch_size=6, dataset=dict(items='clips'))

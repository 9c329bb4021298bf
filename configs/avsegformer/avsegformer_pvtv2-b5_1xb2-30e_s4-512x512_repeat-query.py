"""The release before August 2023: the same sound as every query.

It had other sizes and losses, too; this changes the queries alone.
"""

_base_ = ['./avsegformer_pvtv2-b5_1xb2-30e_s4-512x512.py']

model = dict(decode_head=dict(audio_query='repeat', query_generator=None))

"""AAVS stage one on S4, trained with negative sounds and blank masks.

Not a published setting of AAVS; the mixture is that of EASE. A fifth of the
training clips get silence, noise or the sound of another category, which
needs the column a_obj of the table. See docs/metrics.md.
Not trained on AVSBench by this project.
Initialise: as for S4.
Train: python tools/train.py \
    configs/aavs/aavs_swin-b_1xb1-60e_s4-384x384_negative-sound.py
"""

_base_ = ['./aavs_swin-b_1xb1-60e_s4-384x384.py']

negative_sound = dict(prob=0.2, silence=0.25, noise=0.25, offscreen=0.5)
train_dataloader = dict(dataset=dict(negative_sound=negative_sound))

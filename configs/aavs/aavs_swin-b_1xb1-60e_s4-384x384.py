"""AAVS stage one on S4 (single source), as published.

Paper (Table 1): 83.2 mIoU, 91.3 F, protocol ``stepping_stones``.
Not trained on AVSBench by this project.
Initialise:
  python tools/model_converters/hf_mask2former.py SRC \
      pretrained/mask2former_swin-b_ade20k.pth
  python tools/model_converters/vggish.py SRC pretrained/vggish.pth
Train: python tools/train.py configs/aavs/aavs_swin-b_1xb1-60e_s4-384x384.py
"""

_base_ = [
    '../_base_/models/aavs_swin-b.py',
    '../_base_/datasets/avsbench_s4_384x384.py',
    '../_base_/schedules/aavs_60e.py',
    '../_base_/default_runtime.py',
]

# The user supplies this file; tools/model_converters writes it.
load_from = 'pretrained/mask2former_swin-b_ade20k.pth'
# 30 epochs with a frozen backbone, then 30 with its adapters, starting from
# the best checkpoint of phase one. A default hook and not a custom one, so
# that other configs can change single arguments of it.
default_hooks = dict(
    tuning=dict(
        type='TwoPhaseTuningHook',
        trainable=(
            r'decode_head\.query_(embed|feat)',
            r'decode_head\..*adapter',
            r'decode_head\.cls_embed',
            r'decode_head\.audio_query\.audio_proj',
        ),
        backbone_adapters=r'backbone\..*adapter',
        switch_epoch=30,
        phase2_lr=1e-4,
    ),
    checkpoint=dict(save_best='stepping_stones/mIoU'),
)

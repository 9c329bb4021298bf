"""TPAVI with a small ResNet on AVSS in a single stage, synthetic clips.

71 classes, of which the synthetic clips show 14 and the background. Read the
protocol ``dataset``, the mean over the classes that occur.
Train: python tools/train.py configs/synthetic/tpavi_tiny_avss-96x96.py
"""

_base_ = [
    '../_base_/models/tpavi_tiny.py',
    '../_base_/datasets/synthetic_avss_96x96.py',
    '../_base_/schedules/synthetic_adamw_8e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    decode_head=dict(
        num_classes=71,  # including background
        out_channels=71,
        audio_bias=False,
        loss_decode=dict(use_sigmoid=False),
        loss_match=dict(
            type='TPAVIMatchingLoss', mask='foreground', reduction='mean'
        ),
    )
)
default_hooks = dict(checkpoint=dict(save_best='dataset/mIoU'))

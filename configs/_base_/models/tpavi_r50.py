# TPAVI with ResNet-50, for one channel of logits (S4, MS3). The files of the
# initialisation are the user's to supply; made by tools/model_converters.
model = dict(
    type='AVSegmentor',
    data_preprocessor=dict(type='AVSDataPreprocessor'),
    backbone=dict(
        type='ResNet',
        depth=50,
        style='pytorch',
        out_indices=(0, 1, 2, 3),
        norm_cfg=dict(type='BN'),
        norm_eval=False,  # trained from the first epoch, norms included
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/resnet50.pth'),
    ),
    neck=dict(
        type='TPAVINeck',
        in_channels=[256, 512, 1024, 2048],
        out_channels=256,
        dilations=(3, 6, 12, 18),
    ),
    audio_backbone=dict(
        type='VGGish',
        final_relu=True,
        frozen=True,
        init_cfg=dict(type='Pretrained', checkpoint='pretrained/vggish.pth'),
    ),
    decode_head=dict(
        type='TPAVIHead',
        in_channels=[256] * 4,
        tpavi_stages=(0, 1, 2, 3),
        window=5,
        audio_bias=True,
        hidden_channels=128,
        channels=32,
        num_classes=2,
        out_channels=1,
        threshold=0.5,
        align_corners=False,
        loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True
        ),
    ),
    test_cfg=dict(mode='whole'),
)

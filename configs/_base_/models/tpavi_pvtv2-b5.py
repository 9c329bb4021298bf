# TPAVI with PVTv2-B5, one logit per pixel (S4, MS3). The user supplies the
# files of the initialisation; tools/model_converters writes them. Configs of
# ResNet-50 replace the backbone, see resnet50.py.
model = dict(
    type='AVSegmentor',
    data_preprocessor=dict(type='AVSDataPreprocessor'),
    backbone=dict(
        type='PVTv2',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained', checkpoint='pretrained/pvt_v2_b5.pth'
        ),
    ),
    neck=dict(
        type='TPAVINeck',
        in_channels=[64, 128, 320, 512],
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

"""mmavs.converters.identify: models are recognised by their names."""

import pytest
from mmavs.converters.identify import count_blocks, describe_checkpoint
from support.aavs_parity import STAGE_ONE, STAGE_TWO
from support.aavs_seeded import HF_KEYS, load_keys
from support.avsegformer_parity import Variant
from support.tiny_ease import tiny_head
from support.tpavi_seeded import published_keys

EASE = HF_KEYS.parents[1] / 'ease'
RESNET_18 = [
    'conv1.weight',
    *(f'layer{i}.{j}.conv1.weight' for i in (1, 2, 3, 4) for j in (0, 1)),
]


@pytest.mark.parametrize(
    ('names', 'expected'),
    [
        (load_keys(STAGE_ONE.keys), 'AAVS of Stepping Stones, stage one'),
        (load_keys(STAGE_TWO.keys), 'AAVS of Stepping Stones, stage two'),
        (
            load_keys(HF_KEYS),
            "Hugging Face's Mask2Former with a Swin with 2, 2, 18, 2 blocks",
        ),
        (Variant('r50', 's4').keys(), 'AVSegFormer with ResNet-50'),
        (Variant('pvtv2-b5', 's4').keys(), 'AVSegFormer with PVTv2'),
        (published_keys('r50', 'avss'), "AVSBench's TPAVI with ResNet-50"),
        (published_keys('pvtv2-b5', 's4'), "AVSBench's TPAVI with PVTv2"),
        (load_keys(EASE / 'vit-b_avss_keys.json'), 'EASE with DINOv3'),
        (load_keys(EASE / 'pvtv2-b5_avss_keys.json'), 'EASE with PVTv2'),
        (
            [f'decode_head.{name}' for name in tiny_head().state_dict()],
            'EASE of mmavs',
        ),
        (RESNET_18, "torchvision's ResNet with 2, 2, 2, 2 blocks"),
        (['a', 'b', 'c', 'd'], 'no model known .* names: a, b, c)'),
        ([], 'no model known to mmavs (first names: none)'),
    ],
)
def test_models(names, expected):
    start, _, end = expected.partition(' .* ')
    found = describe_checkpoint(names)
    assert found.startswith(start)
    assert found.endswith(end)


def test_blocks_are_counted_by_stage():
    names = ['l1.0.w', 'l1.1.w', 'l2.0.w', 'l2.0.b', 'l3.w']
    assert count_blocks(names, r'l(\d)\.(\d)\.w') == (2, 1)

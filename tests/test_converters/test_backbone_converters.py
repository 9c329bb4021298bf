"""mmavs.converters.pvt_v2 and .resnet50: variants and their shapes."""

import pytest
import torch
from mmavs.converters.pvt_v2 import convert_pvt_v2, give_blocks_to_ease
from mmavs.converters.resnet50 import convert_resnet50
from mmavs.converters.target_model import model_tensors
from mmengine.config import Config
from support.avsegformer_parity import Variant
from support.tiny_ease import CONFIG

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow


def public_pvt(variant):
    """Names and shapes of B5, or of another variant cut out of it."""
    blocks, hidden = variant
    shapes = {
        name.removeprefix('backbone.'): shape
        for name, shape in Variant('pvtv2-b5', 's4').keys().items()
        if name.startswith('backbone.')
    }
    kept = {}
    for name, shape in shapes.items():
        stage = int(name[5]) - 1 if name.startswith('block') else None
        if stage is not None:
            if int(name.split('.')[1]) >= blocks[stage]:
                continue
            if stage < 2 and '.mlp.' in name:
                width = (64, 128)[stage] * 4
                shape = [hidden * n // 4 if n == width else n for n in shape]
        kept[name] = torch.empty(shape, device='meta')
    return kept


@pytest.mark.parametrize(
    'variant', [((3, 6, 40, 3), 4), ((3, 4, 6, 3), 8)], ids=['b5', 'b2']
)
def test_variants_of_pvt_are_told_by_their_blocks(variant):
    converted, report = convert_pvt_v2(public_pvt(variant))
    assert report.problems == []
    hidden = converted['layers.0.1.0.ffn.layers.0.weight'].shape[0]
    assert hidden == 64 * variant[1]


def test_no_variant_of_pvt():
    with pytest.raises(ValueError, match='with 3, 6, 2, 3 blocks'):
        convert_pvt_v2(public_pvt(((3, 6, 2, 3), 4)))
    with pytest.raises(ValueError, match='expected PVTv2-B0 to B5, got 0'):
        convert_pvt_v2({})


def test_resnet_34_is_refused():
    """It has as many blocks as ResNet-50, but two convolutions in each."""
    source = model_tensors(
        dict(type='ResNet', depth=34, norm_cfg=dict(type='BN'))
    )
    with pytest.raises(ValueError, match='ResNet with 3, 4, 6, 3 blocks'):
        convert_resnet50(source)


def test_the_target_is_built_without_memory():
    tensors = model_tensors(dict(type='PVTv2'))
    assert {tensor.device.type for tensor in tensors.values()} == {'meta'}
    assert len(tensors) == 948


def test_pvt_of_ease_is_cut_between_backbone_and_head():
    """Both parts are complete; only the reductions of queries are dropped."""
    converted, _ = convert_pvt_v2(public_pvt(((3, 6, 40, 3), 4)))
    parts = give_blocks_to_ease(converted)
    model = Config.fromfile(CONFIG.with_name('ease_pvtv2-b5.py')).model
    for part in ('backbone', 'decode_head'):
        given = {
            name.removeprefix(f'{part}.'): tensor.shape
            for name, tensor in parts.items()
            if name.startswith(f'{part}.')
        }
        expected = {
            name: tensor.shape
            for name, tensor in model_tensors(model[part]).items()
            if part == 'backbone' or name.startswith(('blocks.', 'norm.'))
        }
        assert given == expected
    first = 'layers.2.1.33.norm1.weight'
    assert parts['decode_head.blocks.0.norm1.weight'] is converted[first]

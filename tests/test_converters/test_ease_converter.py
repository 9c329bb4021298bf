"""Published EASE checkpoints fit the models of the configs, name by name."""

import pytest
import torch
from mmavs.converters.ease import convert_ease
from mmavs.models.ease import EASEHead
from mmavs.models.visual_backbones import DinoViT, PVTv2
from mmengine.config import Config
from support.aavs_seeded import DATA_DIR, load_keys
from support.tiny_ease import CONFIG, mask_losses

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

KEYS = load_keys(DATA_DIR.parent / 'ease' / 'vit-b_avss_keys.json')


PVT_KEYS = load_keys(DATA_DIR.parent / 'ease' / 'pvtv2-b5_avss_keys.json')


def _source(keys=KEYS):
    source = {name: torch.zeros(shape) for name, shape in keys.items()}
    source['criterion.empty_weight'] = torch.zeros(72)
    return source


def _expected(backbone=None, **options):
    """State dict of ViT-B for AVSS, without VGGish."""
    with torch.device('meta'):
        backbone = backbone or DinoViT('base', joint_blocks=4)
        head = EASEHead(
            num_classes=71,
            audio_enhancer=dict(type='EASEClusterEnhancer'),
            query_generator=dict(),
            fuser=dict(type='EASEAligner'),
            **options,
            **mask_losses(71),
        )
    parts = dict(backbone=backbone, decode_head=head)
    return {
        f'{part}.{name}': tensor
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }


def test_published_names_and_shapes():
    assert len(KEYS) == 287
    converted, report = convert_ease(_source(), None, _expected())
    assert not report.problems
    assert set(converted) == set(_expected())
    assert any('fusion_s2' in note for note in report.notes)


def test_published_names_and_shapes_of_pvt():
    assert len(PVT_KEYS) == 1050
    model = Config.fromfile(CONFIG.with_name('ease_pvtv2-b5.py')).model
    backbone, head = model.backbone, model.decode_head
    names = ('arch', 'variant', 'num_queries', 'num_blocks', 'joint_blocks')
    expected = _expected(
        PVTv2(out_indices=(2,), joint_blocks=backbone.joint_blocks),
        **{name: head[name] for name in (*names, 'fuse_before')},
    )
    converted, report = convert_ease(_source(PVT_KEYS), None, expected)
    assert not report.problems
    assert set(converted) == set(expected)
    assert 'decode_head.blocks.0.attn.sr.weight' in converted
    assert 'decode_head.blocks.1.attn.sr.weight' not in converted
    counts = [
        len({n.split('.')[4] for n in converted if n.startswith(stage)})
        for stage in [f'backbone.layers.{i}.1.' for i in range(3)]
    ]
    assert counts == [3, 6, 33]


def test_one_fuser_per_place():
    """The same layout with a list of five fusers."""
    source = {}
    for name, tensor in _source().items():
        head, fuser, rest = name.partition('network.fuser.')
        if not fuser:
            source[name] = tensor
            continue
        for place in range(5):
            source[f'network.fuser.{place}.{rest}'] = tensor + place
    converted, report = convert_ease(
        source, None, _expected(share_fuser=False)
    )
    assert not report.problems
    places = [converted[f'decode_head.fusers.{i}.centres'] for i in range(5)]
    assert [float(p.max()) for p in places] == [0, 1, 2, 3, 4]


def test_blocks_are_cut_between_backbone_and_head():
    source = _source()
    for i in range(12):
        name = f'network.encoder.backbone.blocks.{i}.norm1.bias'
        source[name] = torch.full((768,), float(i))
    converted, _ = convert_ease(source, None)
    cut = [converted[f'backbone.blocks.{i}.norm1.bias'] for i in range(8)]
    cut += [converted[f'decode_head.blocks.{i}.norm1.bias'] for i in range(4)]
    assert [float(bias[0]) for bias in cut] == list(range(12))


@pytest.mark.parametrize('change', ['more', 'less'])
def test_nothing_unnamed(change):
    source = _source()
    if change == 'more':
        source['network.extra'] = torch.zeros(1)
    else:
        del source['network.q.weight']
    text = 'unknown in the source: network.extra'
    if change == 'less':
        text = 'missing in the source: network.q.weight'
    with pytest.raises(ValueError, match=text):
        convert_ease(source, None)

"""Converters of AVSegFormer and of its backbones, on published names."""

import subprocess
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from support.aavs_parity import CONVERTERS, import_converter
from support.avsegformer_parity import IDS, VARIANTS, Variant


def _shapes(variant: Variant) -> dict[str, torch.Tensor]:
    """The published checkpoint without its numbers."""
    return {
        name: torch.empty(shape, device='meta')
        for name, shape in variant.keys().items()
    }


@pytest.mark.parametrize('variant', VARIANTS, ids=IDS)
def test_published_checkpoint_has_as_many_tensors_as_counted(variant):
    """Of R50 853 = 185 unused + 318 + 18 + 330 + 2, of PVTv2-B5 1413."""
    keys = variant.keys()

    def count(*prefixes: str) -> int:
        return sum(name.startswith(prefixes) for name in keys)

    unused = count('head.fpn.', 'head.attn_fc.')
    second = count('backbone.layer3_2.', 'backbone.layer4_2.')
    expected = (
        (853, 174, 318) if variant.backbone == 'r50' else (1413, 0, 1052)
    )
    assert (len(keys), second, count('backbone.') - second) == expected
    assert unused == 11
    assert count('vggish.') == 18
    assert count('head.') - unused == 330
    assert count('audio_proj.') == 2


@pytest.mark.parametrize('variant', VARIANTS, ids=IDS)
def test_every_tensor_of_ours_comes_from_the_file(variant):
    converter = import_converter('avsegformer')
    path = f'configs/_base_/models/avsegformer_{variant.backbone}.py'
    cfg = Config.fromfile(CONVERTERS.parents[1] / path).model
    cfg.decode_head.num_classes = variant.num_classes
    scope = DefaultScope.overwrite_default_scope('mmseg')
    # mmdet's PVT computes with numbers while it is built.
    device = 'meta' if variant.backbone == 'r50' else 'cpu'
    with scope, torch.device(device):
        expected = MODELS.build(cfg).state_dict()
    converted, report = converter.convert_avsegformer(
        _shapes(variant), variant.backbone, variant.task, expected=expected
    )
    assert set(converted) == set(expected)
    num_dropped = 185 if variant.backbone == 'r50' else 11
    assert len(report.dropped) == num_dropped
    assert all(
        name.startswith(
            ('head.fpn.', 'head.attn_fc.', 'backbone.layer3_2.')
            + ('backbone.layer4_2.',)
        )
        for name in report.dropped
    )
    # 52 pairs of q and kv, weight and bias, are joined.
    joined = 104 if variant.backbone == 'pvtv2-b5' else 0
    num_sources = sum(len(names) for names in report.moved.values())
    assert num_sources - len(converted) == joined


def test_a_file_of_another_task_or_backbone_or_release_is_refused():
    convert = import_converter('avsegformer').convert_avsegformer
    source = _shapes(Variant('r50', 'avss'))
    with pytest.raises(ValueError, match='makes 71 logits per pixel, task'):
        convert(source, 'r50', 's4')
    with pytest.raises(ValueError, match='missing in the source: backbone'):
        convert(source, 'pvtv2-b5', 'avss')
    old = {k: v for k, v in source.items() if 'query_generator' not in k}
    name = 'head.query_generator.query.weight'
    with pytest.raises(ValueError, match=f'missing in the source: {name}'):
        convert(old, 'r50', 'avss')


def test_joined_rows_are_query_key_value():
    """The file's kv holds k, then v."""
    source = _shapes(Variant('pvtv2-b5', 's4'))
    name = 'backbone.block4.2.attn'
    source[f'{name}.q.bias'] = torch.zeros(512)
    source[f'{name}.kv.bias'] = torch.arange(1, 1025).float()
    convert = import_converter('avsegformer').convert_avsegformer
    converted, _ = convert(source, 'pvtv2-b5', 's4')
    joined = converted['backbone.layers.3.1.2.attn.attn.in_proj_bias']
    assert joined.tolist() == [0] * 512 + list(range(1, 1025))


def _public_file(backbone: str) -> dict[str, torch.Tensor]:
    """The ImageNet file's names, and a number in every tensor."""
    renamed = {
        name.removeprefix('backbone.').replace('_1.', '.')
        if 'layer' in name
        else name.removeprefix('backbone.'): shape
        for name, shape in Variant(backbone, 's4').keys().items()
        if name.startswith('backbone.') and '_2.' not in name
    }
    if backbone == 'r50':
        # The file of 2017 is older than the counters.
        renamed = {k: s for k, s in renamed.items() if 'tracked' not in k}
        renamed |= {'fc.weight': (1000, 2048), 'fc.bias': (1000,)}
    else:
        renamed |= {'head.weight': (1000, 512), 'head.bias': (1000,)}
    return {
        name: torch.tensor(float(i)).expand(shape)
        for i, (name, shape) in enumerate(renamed.items())
    }


@pytest.mark.parametrize(
    ('backbone', 'script', 'cfg', 'num_tensors'),
    [
        (
            'r50',
            'resnet50',
            dict(type='ResNet', depth=50, norm_cfg=dict(type='BN')),
            267,
        ),
        ('pvtv2-b5', 'pvt_v2', dict(type='PVTv2'), 1054),
    ],
)
def test_public_backbone_becomes_a_pretrained_one(
    backbone, script, cfg, num_tensors, tmp_path
):
    """Converted by the command line, and loaded as ``init_cfg`` does."""
    source = _public_file(backbone)
    assert len(source) == num_tensors
    src, dst = tmp_path / 'src.pth', tmp_path / 'dst.pth'
    torch.save(source, src)
    done = subprocess.run(
        [sys.executable, CONVERTERS / f'{script}.py', src, dst],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert '2 dropped, 0 problems' in done.stdout
    model = MODELS.build(
        dict(cfg, init_cfg=dict(type='Pretrained', checkpoint=str(dst)))
    )
    model.init_weights()
    state_dict = model.state_dict()
    if backbone == 'r50':
        names = ('layer3.5.bn2.running_var', 'layer3.5.bn2.running_var')
    else:
        names = ('block2.1.mlp.fc2.weight', 'layers.1.1.1.ffn.layers.4.weight')
    expected = source[names[0]].flatten()[0]
    assert (state_dict[names[1]] == expected).all()
    converted = torch.load(dst, weights_only=True)['state_dict']
    assert set(converted) == {k for k in state_dict if 'tracked' not in k}


def test_command_line_says_what_is_wrong(tmp_path):
    torch.save({'a': torch.zeros(1)}, tmp_path / 'a.pth')
    script = CONVERTERS / 'avsegformer.py'
    done = subprocess.run(
        [sys.executable, script, tmp_path / 'a.pth', tmp_path / 'b.pth']
        + ['--backbone', 'r50', '--task', 's4'],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert 'does not fit the table of names' in done.stderr
    assert 'missing in the source: backbone.conv1.weight' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'b.pth').exists()

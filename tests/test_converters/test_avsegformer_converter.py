"""mmavs.converters.avsegformer on the names of published checkpoints."""

import pytest
import torch
from mmavs.converters.avsegformer import convert_avsegformer
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from support.aavs_parity import CONFIGS
from support.avsegformer_parity import IDS, VARIANTS, Variant
from support.uninitialised import Uninitialised

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow


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
    path = f'avsegformer/avsegformer_{variant.backbone}_1xb2-30e_s4-512x512.py'
    cfg = Config.fromfile(CONFIGS / path).model
    cfg.decode_head.num_classes = variant.num_classes
    with DefaultScope.overwrite_default_scope('mmseg'), Uninitialised():
        expected = MODELS.build(cfg).state_dict()
    converted, report = convert_avsegformer(
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
    source = _shapes(Variant('r50', 'avss'))
    with pytest.raises(ValueError, match='makes 71 logits per pixel, task'):
        convert_avsegformer(source, 'r50', 's4')
    with pytest.raises(ValueError, match='missing in the source: backbone'):
        convert_avsegformer(source, 'pvtv2-b5', 'avss')
    old = {k: v for k, v in source.items() if 'query_generator' not in k}
    name = 'head.query_generator.query.weight'
    with pytest.raises(ValueError, match=f'missing in the source: {name}'):
        convert_avsegformer(old, 'r50', 'avss')


def test_joined_rows_are_query_key_value():
    """The file's kv holds k, then v."""
    source = _shapes(Variant('pvtv2-b5', 's4'))
    name = 'backbone.block4.2.attn'
    source[f'{name}.q.bias'] = torch.zeros(512)
    source[f'{name}.kv.bias'] = torch.arange(1, 1025).float()
    converted, _ = convert_avsegformer(source, 'pvtv2-b5', 's4')
    joined = converted['backbone.layers.3.1.2.attn.attn.in_proj_bias']
    assert joined.tolist() == [0] * 512 + list(range(1, 1025))

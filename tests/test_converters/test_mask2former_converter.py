"""mmavs.converters.hf_mask2former on the published names."""

import pytest
import torch
from mmavs.converters.hf_mask2former import (
    TABLE,
    TABLE_WITH_QUERIES,
    convert_mask2former,
    unfold_order,
)
from mmavs.converters.name_table import convert
from support.aavs_parity import STAGE_TWO, build_aavs
from support.aavs_seeded import HF_KEYS, load_keys

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

PATCH_EMBED = (
    'model.pixel_level_module.encoder.embeddings.patch_embeddings.projection'
    '.weight'
)
NOT_IN_THE_FILE = (
    'audio_backbone.',  # VGGish has a file of its own
    'decode_head.audio_query.',
    'decode_head.query_embed.',
    'decode_head.query_feat.',
    'decode_head.cls_embed.',
)


@pytest.fixture(scope='module')
def shapes() -> dict[str, torch.Tensor]:
    """The published checkpoint without its numbers."""
    keys = load_keys(HF_KEYS)
    assert len(keys) == 782
    return {
        name: torch.empty(shape, device='meta') for name, shape in keys.items()
    }


def test_all_but_what_aavs_draws_itself_comes_from_the_file(shapes):
    expected = {
        name: tensor
        for name, tensor in build_aavs().state_dict().items()
        if not name.startswith(NOT_IN_THE_FILE)
        and '.adapter.' not in name
        and not name.endswith('relative_position_index')
    }
    converted, report = convert(shapes, TABLE, expected=expected)
    assert set(converted) == set(expected)
    # 2 queries, 2 of the class head, 1 empty_weight, 24 position indices.
    assert len(report.dropped) == 2 + 2 + 1 + 24


def test_a_file_without_position_indices_is_fine(shapes):
    """Versions of transformers differ in whether they store them."""
    rest = {
        name: tensor
        for name, tensor in shapes.items()
        if not name.endswith('relative_position_index')
    }
    assert len(rest) == len(shapes) - 24
    _, report = convert(rest, TABLE)
    assert report.problems == []


def test_a_shallower_swin_is_refused(shapes):
    """Swin-T has 6 blocks in its third stage instead of 18."""
    shallow = {
        name: tensor
        for name, tensor in shapes.items()
        if '.layers.2.blocks.17.' not in name
    }
    assert len(shallow) < len(shapes)
    with pytest.raises(ValueError, match=r'missing .*blocks\.17'):
        convert(shallow, TABLE)


def test_queries_fit_the_model_of_the_second_stage(shapes):
    """All 100; those of stage one would be 30."""
    expected = build_aavs(STAGE_TWO).state_dict()
    converted, _ = convert(shapes, TABLE_WITH_QUERIES)
    wrong = [n for n in converted if converted[n].shape != expected[n].shape]
    assert not wrong
    assert converted['decode_head.query_embed.weight'].shape == (100, 256)


def test_a_narrower_swin_is_refused(shapes):
    """Swin-S has every name of Swin-B, and 96 channels instead of 128."""
    small = {**shapes, PATCH_EMBED: torch.empty(96, 3, 4, 4, device='meta')}
    expected = build_aavs().state_dict()
    text = (
        r'1 wrong shape: backbone.patch_embed.projection.weight is '
        r'\(96, 3, 4, 4\), the model expects \(128, 3, 4, 4\)'
    )
    with pytest.raises(ValueError, match=text) as caught:
        convert_mask2former(small, expected=expected)
    assert 'Swin with 2, 2, 18, 2 blocks' in str(caught.value)
    assert convert_mask2former(shapes, expected=expected)[1].problems == []


def test_patch_merging_is_reordered_by_hand():
    """Two channels a, b; the neighbours (row, column) 00, 10, 01, 11.

    Published order: a00 b00 a10 b10 a01 b01 a11 b11, here 0..7. mmdet wants
    each channel's neighbours row by row: a00 a01 a10 a11 b00 b01 b10 b11.
    """
    by_hand = torch.tensor([0, 4, 2, 6, 1, 5, 3, 7])
    assert torch.equal(unfold_order(torch.arange(8)), by_hand)
    rows = torch.stack([torch.arange(8), torch.arange(8) + 10])
    assert torch.equal(
        unfold_order(rows), torch.stack([by_hand, by_hand + 10])
    )

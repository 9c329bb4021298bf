"""tools/model_converters/aavs.py on the names of a published checkpoint."""

import subprocess
import sys

import pytest
import torch
from support.aavs_parity import (
    CONVERTERS,
    STAGE_ONE,
    STAGE_TWO,
    build_aavs,
    import_converter,
)
from support.aavs_seeded import load_keys

STAGES = pytest.mark.parametrize(
    'stage', [STAGE_ONE, STAGE_TWO], ids=['stage1', 'stage2']
)


def _shapes(stage) -> dict[str, torch.Tensor]:
    """The published checkpoint without its numbers."""
    return {
        name: torch.empty(shape, device='meta')
        for name, shape in load_keys(stage.keys).items()
    }


@pytest.fixture(scope='module')
def shapes() -> dict[str, torch.Tensor]:
    return _shapes(STAGE_ONE)


@STAGES
def test_published_checkpoint_has_1038_or_1041_tensors(stage):
    """As counted in the release; 4 of audio_proj, 3 of stage two's keys."""
    keys = load_keys(stage.keys)
    assert len(keys) == (1038 if stage.number == 1 else 1041)
    assert sum(name.startswith('audio_proj.') for name in keys) == 4


@STAGES
def test_every_weight_of_ours_comes_from_the_two_files(stage):
    vggish = import_converter('vggish')
    model = build_aavs(stage)
    expected = model.state_dict()
    sound = {
        name: expected.pop(f'audio_backbone.{name}')
        for name in model.audio_backbone.state_dict()
    }
    assert sound
    convert = import_converter('name_table').convert
    table = import_converter('aavs').TABLES[stage.number]
    # Raise where a name or a shape differs.
    convert(sound, vggish.TABLE, expected=sound)
    converted, report = convert(_shapes(stage), table, expected=expected)
    assert set(converted) == set(expected)
    assert report.dropped == ['model.criterion.empty_weight']


@pytest.mark.parametrize('kind', ['silence', 'uncertain', 'audio'])
def test_an_embedding_of_stage_two_becomes_the_prior_s(kind):
    name = f'model.model.transformer_module.{kind}_embed.weight'
    convert = import_converter('name_table').convert
    _, report = convert(_shapes(STAGE_TWO), import_converter('aavs').TABLES[2])
    ours = f'decode_head.mask_prior.{kind}_embed.weight'
    assert report.moved[ours] == (name,)


def test_a_file_of_the_other_stage_is_refused_by_name(shapes):
    """The three embeddings have no place in a stage-one model."""
    name = 'model.model.transformer_module.silence_embed.weight'
    convert = import_converter('name_table').convert
    tables = import_converter('aavs').TABLES
    with pytest.raises(ValueError, match=f'unknown in the source: {name}'):
        convert(_shapes(STAGE_TWO), tables[1])
    with pytest.raises(ValueError, match=f'missing in the source: {name}'):
        convert(shapes, tables[2])


@pytest.mark.parametrize(
    'absent',
    [
        'audio_proj.2.bias',
        'model.class_predictor.weight',
        'model.model.pixel_level_module.encoder.encoder.layers.2.blocks.17'
        '.output.swin_adapt_3.2.weight',
        'model.model.transformer_module.decoder.layers.8.self_attn.k_proj'
        '.bias',
    ],
)
def test_a_missing_key_is_named(shapes, absent):
    rest = {name: shapes[name] for name in shapes if name != absent}
    assert len(rest) == len(shapes) - 1
    convert = import_converter('name_table').convert
    with pytest.raises(ValueError, match=absent.replace('.', r'\.')):
        convert(rest, import_converter('aavs').TABLES[1])


def test_patch_merging_is_reordered_by_hand():
    """Two channels a, b; the neighbours (row, column) 00, 10, 01, 11.

    Published order: a00 b00 a10 b10 a01 b01 a11 b11, here 0..7. mmdet wants
    each channel's neighbours row by row: a00 a01 a10 a11 b00 b01 b10 b11.
    """
    unfold_order = import_converter('hf_mask2former').unfold_order
    by_hand = torch.tensor([0, 4, 2, 6, 1, 5, 3, 7])
    assert torch.equal(unfold_order(torch.arange(8)), by_hand)
    rows = torch.stack([torch.arange(8), torch.arange(8) + 10])
    assert torch.equal(
        unfold_order(rows), torch.stack([by_hand, by_hand + 10])
    )


@STAGES
def test_command_writes_a_checkpoint_and_counts(tmp_path, stage):
    """1038 in: 1 dropped, 1037 become 905, for 24 + 9 times q, k, v join.

    Joined are weight and bias of 33 attentions, 6 tensors to 2:
    1037 - 33 * 4 = 905. Stage two has three more, before and after.
    """
    more = 3 * (stage.number - 1)
    source = tmp_path / 'published.pth'
    # Names are counted here, so four numbers stand for each tensor.
    weights = {name: torch.zeros(4) for name in load_keys(stage.keys)}
    torch.save(weights, source)
    vggish = tmp_path / 'vggish.pth'
    sound = [
        f'features.{i}.{kind}'
        for i in (0, 3, 6, 8, 11, 13)
        for kind in ('weight', 'bias')
    ]
    sound += [
        f'embeddings.{i}.{kind}'
        for i in (0, 2, 4)
        for kind in ('weight', 'bias')
    ]
    torch.save({name: torch.ones(4) for name in sound}, vggish)
    target = tmp_path / 'ours.pth'
    command = [sys.executable, CONVERTERS / 'aavs.py', source, target]
    done = subprocess.run(
        [*command, '--vggish', vggish, '--stage', str(stage.number)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f'{1037 + more} tensors became {905 + more}' in done.stdout
    assert 'skipped model.criterion.empty_weight: ' in done.stdout
    content = torch.load(target, weights_only=True)
    assert content['meta'] == {
        'source': f'GeWu-Lab/Stepping-Stones, stage {stage.number}'
    }
    assert len(content['state_dict']) == 905 + more + 18
    heard = content['state_dict']['audio_backbone.embeddings.4.bias']
    assert heard.tolist() == [1.0] * 4

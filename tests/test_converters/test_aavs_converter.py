"""mmavs.converters.aavs on the names of a published checkpoint."""

import pytest
import torch
from mmavs.converters.aavs import TABLES
from mmavs.converters.name_table import convert
from mmavs.converters.vggish import convert_vggish
from support.aavs_parity import STAGE_ONE, STAGE_TWO, build_aavs
from support.aavs_seeded import load_keys

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

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
    model = build_aavs(stage)
    expected = model.state_dict()
    sound = {
        name: expected.pop(f'audio_backbone.{name}')
        for name in model.audio_backbone.state_dict()
    }
    assert sound
    # Raise where a name or a shape differs.
    convert_vggish(sound)
    converted, report = convert(
        _shapes(stage), TABLES[stage.number], expected=expected
    )
    assert set(converted) == set(expected)
    assert report.dropped == ['model.criterion.empty_weight']


@pytest.mark.parametrize('kind', ['silence', 'uncertain', 'audio'])
def test_an_embedding_of_stage_two_becomes_the_prior_s(kind):
    name = f'model.model.transformer_module.{kind}_embed.weight'
    _, report = convert(_shapes(STAGE_TWO), TABLES[2])
    ours = f'decode_head.mask_prior.{kind}_embed.weight'
    assert report.moved[ours] == (name,)


def test_a_file_of_the_other_stage_is_refused_by_name(shapes):
    """A stage-one model has none of the three embeddings."""
    name = 'model.model.transformer_module.silence_embed.weight'
    with pytest.raises(ValueError, match=f'3 unknown in the source: .*{name}'):
        convert(_shapes(STAGE_TWO), TABLES[1])
    with pytest.raises(ValueError, match=f'3 missing in the source: .*{name}'):
        convert(shapes, TABLES[2])


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
    with pytest.raises(ValueError, match=absent.replace('.', r'\.')):
        convert(rest, TABLES[1])

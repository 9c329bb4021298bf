"""TPAVI's configs agree with each other and with the published settings."""

from pathlib import Path

import pytest
from mmengine.config import Config

CONFIGS = Path(__file__).parents[1] / 'configs'
BACKBONES = pytest.mark.parametrize('backbone', ['r50', 'pvtv2-b5'])
#: As in docs/reproduce.md; PVTv2-B5 also has a config of its own.
ORACLE = {'test_dataloader.dataset.mask_prior.source': 'truth'}
PRIOR = dict(type='MaskPrior', robust_key=False, init_attention=False)


def load(name: str) -> dict:
    return Config.fromfile(CONFIGS / f'{name}.py').to_dict()


@BACKBONES
def test_stage_two_is_the_single_stage_and_a_prior(backbone):
    single = load(f'tpavi/tpavi_{backbone}_1xb4-60e_avss-224x224')
    name = f'stepping_stones/tpavi_{backbone}_stage2_1xb4-60e_avss-224x224'
    staged = load(name)
    oracle = Config.fromfile(CONFIGS / f'{name}.py')
    oracle.merge_from_dict(ORACLE)
    assert staged['model']['decode_head'].pop('mask_prior') == PRIOR
    for part in ('model', 'optim_wrapper', 'train_cfg', 'val_evaluator'):
        assert staged[part] == single[part], part
    for split, source in (('train', 'truth'), ('val', 'files')):
        dataset = staged[f'{split}_dataloader']['dataset']
        pipeline = dataset['pipeline']
        prior = pipeline.index(dict(type='LoadMaskPrior'))
        assert pipeline[prior - 1]['type'] == 'LoadClipMasks'
        assert dataset['mask_prior']['source'] == source
        plain = single[f'{split}_dataloader']['dataset']['pipeline']
        assert [*pipeline[:prior], *pipeline[prior + 1 :]] == plain
    tested = oracle['test_dataloader']['dataset']
    assert tested['mask_prior']['source'] == 'truth'
    # Only training clips are cropped; the others are resized to a square.
    assert (
        tested['pipeline'] == staged['test_dataloader']['dataset']['pipeline']
    )
    assert oracle['train_dataloader'] == staged['train_dataloader']
    if backbone == 'pvtv2-b5':
        written = load(f'{name}_oracle-prior')['test_dataloader']
        assert written == oracle['test_dataloader'].to_dict()


@BACKBONES
def test_tasks_differ_as_published(backbone):
    """Biases, classes and losses; epochs 15, 30 and 60."""
    s4, ms3, avss = (
        load(f'tpavi/tpavi_{backbone}_1xb4-{epochs}e_{task}-224x224')
        for epochs, task in ((15, 's4'), (30, 'ms3'), (60, 'avss'))
    )
    epochs = [c['train_cfg']['max_epochs'] for c in (s4, ms3, avss)]
    assert epochs == [15, 30, 60]
    for config in (s4, ms3, avss):
        assert config['train_dataloader']['batch_size'] == 4
        assert config['optim_wrapper'] == dict(
            type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4)
        )
        assert config['model']['decode_head']['window'] == 5
    assert ms3['model']['decode_head'].pop('loss_match')['mask'] == 'soft'
    assert ms3['model'] == s4['model']
    head = avss['model']['decode_head']
    assert (head['audio_bias'], head['out_channels']) == (False, 71)
    assert head['loss_match']['background'] == 0
    assert avss['model']['data_preprocessor']['pad_clips_to'] == 10

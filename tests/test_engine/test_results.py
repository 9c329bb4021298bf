"""Result files: merging runs, and choosing checkpoints on the test split."""

import pytest
from mmavs.engine import selects_on_test
from mmavs.engine.results import SCHEMA, merge_results, read_result
from mmengine.config import Config


def _result(seed, miou, **changes):
    run = dict(seed=seed, metrics={'split/mIoU': miou})
    content = dict(schema=SCHEMA, config='a', data=dict(hash='x'), runs=[run])
    return {**content, **changes}


def test_runs_of_two_seeds_by_hand():
    merged = merge_results([_result(0, 0.2), _result(1, 0.4)])
    assert [run['seed'] for run in merged['runs']] == [0, 1]
    assert merged['summary']['split/mIoU']['mean'] == pytest.approx(0.3)
    assert merged['config'] == 'a'


@pytest.mark.parametrize('name', ['config', 'data'])
def test_runs_of_other_configs_or_clips_are_refused(name):
    other = _result(1, 0.4, **{name: 'other'})
    with pytest.raises(ValueError, match=f'expected results with one {name}'):
        merge_results([_result(0, 0.2), other])


@pytest.mark.parametrize('text', ['', '[]', '{"split/mIoU": 0.5}'])
def test_another_file_is_no_result(tmp_path, text):
    path = tmp_path / 'r.json'
    path.write_text(text)
    with pytest.raises(ValueError, match='expected a result file'):
        read_result(path)


def _config(dataset, save_best='split/mIoU'):
    return Config(
        dict(
            default_hooks=dict(checkpoint=dict(save_best=save_best)),
            val_dataloader=dict(dataset=dataset),
        )
    )


@pytest.mark.parametrize(
    ('dataset', 'expected'),
    [
        (dict(split='val'), False),
        (dict(split='test'), True),
        (dict(split=['val', 'test']), True),
        (dict(type='RepeatDataset', dataset=dict(split='test')), True),
        (dict(datasets=[dict(split='val'), dict(split='test')]), True),
        (dict(type='Other'), False),
    ],
)
def test_choosing_on_test(dataset, expected):
    assert selects_on_test(_config(dataset)) is expected
    assert not selects_on_test(_config(dataset, save_best=None))


def test_a_config_without_validation():
    assert not selects_on_test(Config(dict(val_dataloader=None)))

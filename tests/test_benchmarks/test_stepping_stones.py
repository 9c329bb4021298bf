"""The table of one and two stages, on a data set of a few pixels."""

import json
import os
import sys
from pathlib import Path

import pytest
from mmavs.datasets.synthetic.classes import choose_classes
from mmavs.datasets.synthetic.sampling import check_options
from mmavs.engine.launcher import LoggingLauncher
from mmavs.fingerprint import hash_file

from benchmarks import (
    stepping_stones,
    stepping_stones_plot,
    stepping_stones_report,
    stepping_stones_table,
)
from benchmarks.stepping_stones_rows import SYSTEMS


def _run(monkeypatch, folder, *options, epochs=1):
    arguments = ['--work-dir', folder / 'work', '--data-root', folder / 'data']
    arguments += ['--clips', 4, 1, 1, '--seeds', 5, '--max-epochs', epochs]
    arguments += [*options, '--jobs', 1]
    arguments += ['--cfg-options', 'train_cfg.val_interval=1']
    arguments += ['model.decode_head.transformer_decoder.num_layers=1']
    monkeypatch.setattr(sys, 'argv', ['', *map(str, arguments)])
    stepping_stones.main()


def _report(folder):
    return json.loads((folder / 'work/table.json').read_text())


def _rows(folder):
    """Row -> its total steps, of one seed."""
    rows = _report(folder)['rows']
    for row in rows:
        assert row['seeds'] == [5]
        assert all(len(m['values']) == 1 for m in row['metrics'].values())
    return {row['row']: row['total_steps'] for row in rows}


@pytest.mark.slow
def test_one_iteration_of_each(steps, monkeypatch, tmp_path, capsys):
    """One of the four ablations; the others differ by a config."""
    rows = ('--rows', 'stage one', 'single stage', 'neither')
    _run(monkeypatch, tmp_path, *rows)
    printed = capsys.readouterr().out
    assert 'Synthetic, not AVSBench: 14 classes' in printed
    assert '1 steps of 4 clips' in printed
    for protocol in ('split', 'dataset', 'stepping_stones', 'avsbench'):
        assert f'protocol {protocol}' in printed
    assert 'stage one - single stage (split/mIoU): ' in printed
    assert 'neither - single stage (dataset/mIoU): ' in printed
    table = {
        'stage one': 1,
        'single stage': 1,
        'neither': 2,
        'neither, oracle prior': 2,
    }
    assert _rows(tmp_path) == table
    assert (tmp_path / 'work/table.png').read_bytes()[1:4] == b'PNG'
    one, single, *_ = _report(tmp_path)['rows']
    assert 'dataset/mIoU' not in one['metrics']
    # The single stage has both scores, of classes and of localisation.
    assert {'split/mIoU', 'dataset/mIoU'} <= set(single['metrics'])

    # Stage one with its test and masks; the single stage with its masks and
    # two tests; stage two with two tests.
    assert len(steps) == 3 + 4 + 3
    trained = [words for tool, words in steps if tool == 'train']
    assert len(trained) == 3
    (stage_one,) = (
        Path(words[words.index('--work-dir') + 1])
        for words in trained
        if 'binary' in words[0]
    )
    for words in trained:
        assert {'randomness.seed=5', 'train_cfg.max_epochs=1'} <= set(words)
    truth = 'test_dataloader.dataset.mask_prior.source=truth'
    (oracle,) = (words for _, words in steps if truth in words)
    (stage_two,) = (tmp_path / 'work').glob('seed_5/neither-*/best_*.pth')
    assert oracle[1] == str(stage_two)
    assert oracle[0].endswith('_no-mask-fusion_no-robust-key.py')

    # Only new steps run: two folds of two clips, twice the epochs of which
    # are as many steps of up to four clips as a stage has, or more.
    steps.clear()
    _run(monkeypatch, tmp_path, '--rows', 'cross-fit')
    assert len(steps) == 2 * 2 + 4
    *folds, cross_fit = (words for tool, words in steps if tool == 'train')
    for number, words in enumerate(folds):
        fold = 'train_dataloader.dataset.fold'
        assert {
            *(f'{fold}.num_folds=2', f'{fold}.number={number}'),
            *(f'{fold}.part=train', 'train_cfg.max_epochs=2'),
        } <= {*words}
    masks = f'{tmp_path}/work/seed_5/masks'
    assert {
        'train_dataloader.dataset.mask_prior.source=files',
        f'train_dataloader.dataset.mask_prior.root={masks}_cross_fit_2',
        f'val_dataloader.dataset.mask_prior.root={masks}',
    } <= {*cross_fit}
    table |= {
        'cross-fit': 4,
        'cross-fit, oracle prior': 4,
        'cross-fit, single-stage masks': 4,
    }
    assert _rows(tmp_path) == table
    (single,) = (tmp_path / 'work').glob('seed_5/single*/best_*.pth')
    prior = {
        f'test_dataloader.dataset.mask_prior.root={masks}_single_stage',
        'default_hooks.mask_prior_check.expect_checkpoint='
        + hash_file(single),
    }
    assert prior <= {*steps[-1][1]}
    steps.clear()
    _run(monkeypatch, tmp_path, '--rows', 'cross-fit', 'neither')
    assert steps == []

    # Stages two that start from the weights of stage one or the single stage.
    names = ('two stages, with its weights', 'two stages, from single stage')
    _run(monkeypatch, tmp_path, '--rows', *names)
    tools = [tool for tool, _ in steps]
    assert tools == ['train', *['test'] * 3, 'train', *['test'] * 2]
    (weights,) = stage_one.glob('best_*.pth')
    assert f'load_from={weights}' in steps[0][1]
    assert {
        f'load_from={single}',
        f'val_dataloader.dataset.mask_prior.root={masks}_single_stage',
    } <= {*steps[4][1]}
    assert prior <= {*steps[5][1]}
    rows = _rows(tmp_path)
    assert len(rows) == 12
    assert rows['two stages, from single stage'] == 2
    # Stage one gives the weights, and the single stage the masks.
    assert rows['two stages, with its weights, single-stage masks'] == 3

    # Another setting would mix the results of two in one file.
    with pytest.raises(SystemExit, match='results of another setting'):
        _run(monkeypatch, tmp_path, '--rows', 'neither', epochs=2)


def test_rows_of_every_system():
    """Configs exist; the steps of each row are those of its trainings."""
    assert set(SYSTEMS) == {'aavs', 'ease'}
    for system in SYSTEMS.values():
        assert all(row.config.is_file() for row in system.rows.values())
        steps = [row.step for row in system.rows.values()]
        assert len(set(steps)) == len(steps)
        assert system.choose(['headline']) == [
            *('stage one', 'single stage', 'two stages')
        ]
        assert {*system.groups['table']}.isdisjoint(system.groups['remedies'])
        totals = {name: row.total for name, row in system.rows.items()}
        assert totals['single stage'] == totals['stage one'] == 1
        for name in ('mixture', *system.groups['equal-totals']):
            assert totals[name] == 2, name
        for name in system.groups['remedies']:
            assert totals[name] == (4 if 'cross-fit' in name else 2)
    uses = ('prior as attention mask too', 'prior as markers too')
    assert [SYSTEMS['ease'].rows[name].options for name in uses] == [
        ('model.decode_head.mask_prior.init_attention=True',),
        ('model.decode_head.mask_prior.robust_key=True',),
    ]


def test_regimes_have_options_of_the_generator():
    """Folders of their own; the default one is that of the configs."""
    regimes = stepping_stones.REGIMES
    roots = [regime.data_root for regime in regimes.values()]
    assert len(set(roots)) == len(roots)
    assert regimes['default'].options == {}
    for regime in regimes.values():
        fine = regime.options.get('fine_grained', False)
        choose_classes(regime.num_classes, fine_grained=fine)
        check_options(
            regime.options.get('long_tail', 0),
            regime.options.get('correspondence', 'none'),
        )


def test_an_unknown_row_is_named():
    with pytest.raises(ValueError, match="--rows: .*'headline'.*got 'best'"):
        SYSTEMS['aavs'].choose(['table', 'best'])


def _setting(**changes):
    return {
        **dict(system='aavs', regime='default', clips=dict(test=1)),
        **dict(classes=14, data_seed=0, steps_per_stage=480),
        **changes,
    }


def _scores(*values):
    """The mIoU of classes, by seed."""
    return {
        seed: {'dataset/mIoU': value, 'dataset/F': 0.5}
        for seed, value in enumerate(values)
    }


#: Two stages win by 0.1, 0.2, 0.3 and lose to the longer single stage.
RESULTS = {
    'stage one': {1: {'split/mIoU': 0.7}},
    'single stage': {
        seed: {**scores, 'split/mIoU': 0.5}
        for seed, scores in _scores(0.3, 0.3, 0.3).items()
    },
    'two stages': _scores(0.4, 0.5, 0.6),
    'two stages, oracle prior': _scores(0.8, 0.7, 0.8),
    'single stage, steps of both': _scores(0.6, 0.6),
    'mixture': _scores(0.5, 0.6),
    'mixture, oracle prior': _scores(0.8, 0.6),
}


def test_differences_by_hand():
    report = stepping_stones_report.make_report(_setting(), RESULTS)
    found = {
        (d.row, d.reference): d
        for d in stepping_stones_report.make_differences(report)
    }
    two = found['two stages', 'single stage']
    # deviation 0.1; error 0.1 / sqrt(3)
    assert two.mean == pytest.approx(0.2)
    assert two.standard_error == pytest.approx(0.0577, abs=1e-4)
    assert stepping_stones_table.describe_difference(two) == (
        '+20.0 +- 5.8 (+10.0, +20.0, +30.0)'
    )
    # Pairs need both seeds: two of three here, and one of two.
    equal = found['two stages', 'single stage, steps of both']
    assert equal.values == pytest.approx({0: -0.2, 1: -0.1})
    place = found['stage one', 'single stage']
    assert (place.metric, place.standard_error) == ('split/mIoU', None)
    assert place.values == pytest.approx({1: 0.2})
    assert ('mixture', 'single stage, steps of both') in found
    oracle = found['mixture, oracle prior', 'two stages, oracle prior']
    assert oracle.values == pytest.approx({0: 0, 1: -0.1})
    # Gains of 0.1 and 0.1, where the oracle gains 0.4 and 0.2.
    share = stepping_stones_report.closed_gap(report, 'mixture')
    assert share == pytest.approx(0.2 / 0.6)
    assert stepping_stones_report.closed_gap(report, 'stage one') is None


def test_only_stages_two_have_a_share_of_the_oracle_gain(capsys):
    """A single stage may gain more than any prior gives a stage two."""
    report = stepping_stones_report.make_report(_setting(), RESULTS)
    stepping_stones_table.print_differences(report, [])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if 'oracle gain' in line] == [
        'mixture: 33 % of the oracle gain'
    ]


def test_seeds_and_rows_of_earlier_commands_stay(tmp_path):
    """Reports of earlier versions name the seeds and steps once."""
    path = tmp_path / 'table.json'
    assert stepping_stones_report.read_report(path, _setting()) == {}
    old = stepping_stones_report.make_report(_setting(), RESULTS)
    for row in old['rows']:
        del row['total_steps'], row['seeds']
    old = {**old, 'rows': old['rows'][2:3], 'seeds': [0, 1, 2]}
    del old['regime']
    path.write_text(json.dumps(old))
    earlier = stepping_stones_report.read_report(path, _setting())
    assert earlier == {'two stages': RESULTS['two stages']}
    new = {'two stages': {4: {'dataset/mIoU': 0.1}}, 'mixture': _scores(0.2)}
    merged = stepping_stones_report.merge(earlier, new)
    report = stepping_stones_report.make_report(_setting(), merged)
    two, mixture = report['rows']
    assert (two['row'], two['seeds']) == ('two stages', [0, 1, 2, 4])
    # The metrics that all seeds have.
    assert list(two['metrics']) == ['dataset/mIoU']
    assert two['metrics']['dataset/mIoU']['values'] == [0.4, 0.5, 0.6, 0.1]
    assert (mixture['row'], mixture['total_steps']) == ('mixture', 960)
    path.write_text(json.dumps(report))
    other = _setting(classes=40)
    with pytest.raises(ValueError, match='of another setting: .*--json'):
        stepping_stones_report.read_report(path, other)


def test_the_plot_has_a_point_per_seed():
    report = stepping_stones_report.make_report(_setting(), RESULTS)
    (axes,) = stepping_stones_plot.draw(report).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [
        *('single stage', 'two stages', 'single stage, steps of both'),
        'mixture',
    ]
    points = {
        tuple(line.get_xdata())
        for line in axes.lines
        if line.get_marker() == 'o'
    }
    assert points == {
        tuple(100 * value['dataset/mIoU'] for value in RESULTS[name].values())
        for name in RESULTS
        if name != 'stage one'
    }


def _launcher(tmp_path, code):
    tools = tmp_path / 'tools'
    tools.mkdir()
    (tools / 'train.py').write_text(f'print("seen"); raise SystemExit({code})')
    lock = os.open(tmp_path / 'lock', os.O_CREAT)
    return LoggingLauncher('none', 1, None, lock, tools)


def test_a_step_keeps_what_it_prints(tmp_path, capfd):
    launcher = _launcher(tmp_path, 0)
    folder = tmp_path / 'work'
    for count in (1, 2):
        launcher.run('train', 'config.py', '--work-dir', folder)
        assert (folder / 'train.txt').read_text() == 'seen\n' * count
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(' s  ')[1] for line in lines] == [
        f'train  {folder}'
    ] * 2


def test_a_step_that_fails_says_where_to_look(tmp_path):
    launcher = _launcher(tmp_path, 3)
    with pytest.raises(
        SystemExit,
        match=r'train\.py ended with 3: seen; see .*/step/train\.txt\. ',
    ):
        launcher.run('train', '--work-dir', tmp_path / 'step')


def test_only_rows_of_the_protocol_are_printed(capsys):
    report = stepping_stones_report.make_report(
        _setting(),
        {
            'stage one': {0: {'split/mIoU': 0.5, 'split/F': 0.25, 'clips': 3}},
            'two stages': _scores(0.2, 0.4),
        },
    )
    one, _ = report['rows']
    assert set(one['metrics']) == {'split/mIoU', 'split/F'}
    stepping_stones_table.print_table(report, 'dataset')
    *_, header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ['seeds', 'steps', 'mIoU', 'F']
    # 0.2 and 0.4: sqrt(2 * 0.01) = 0.1414
    assert line.split() == (
        'two stages 2 960 30.0 +- 14.1 50.0 +- 0.0'.split()
    )

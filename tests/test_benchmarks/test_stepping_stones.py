"""The table of one and two stages, on a data set of a few pixels."""

import json
import os
import sys
from pathlib import Path

import pytest
from mmavs.engine.launcher import LoggingLauncher

from benchmarks import (
    stepping_stones,
    stepping_stones_runs,
    stepping_stones_table,
)


def _run(monkeypatch, folder, *options):
    arguments = ['--work-dir', folder / 'work', '--data-root', folder / 'data']
    arguments += ['--clips', 4, 1, 1, '--seeds', 5, '--max-epochs', 1]
    arguments += [*options, '--jobs', 1]
    arguments += ['--cfg-options', 'train_cfg.val_interval=1']
    monkeypatch.setattr(sys, 'argv', ['', *map(str, arguments)])
    stepping_stones.main()


def _rows(folder):
    """Row -> a key of its metrics, of one seed."""
    rows = json.loads((folder / 'work/table.json').read_text())['rows']
    for row in rows:
        assert all(len(m['values']) == 1 for m in row['metrics'].values())
    return {row['row']: next(iter(row['metrics'])) for row in rows}


@pytest.mark.slow
def test_one_iteration_of_each(steps, monkeypatch, tmp_path, capsys):
    """One of the four ablations; the others differ by a config."""
    systems = stepping_stones_runs.SYSTEMS
    one_row = {'neither': systems['aavs'].rows['neither']}
    aavs = systems['aavs']._replace(rows=one_row)
    monkeypatch.setitem(systems, 'aavs', aavs)
    _run(monkeypatch, tmp_path)
    printed = capsys.readouterr().out
    assert 'Synthetic, not AVSBench: 14 classes' in printed
    assert '1 steps of 4 clips' in printed
    assert 'over seeds 5;' in printed
    for protocol in ('split', 'dataset', 'stepping_stones', 'avsbench'):
        assert f'protocol {protocol}' in printed
    table = {
        'stage one': 'split/mIoU',
        'single stage': 'dataset/mIoU',
        'neither': 'dataset/mIoU',
        'neither, oracle prior': 'dataset/mIoU',
    }
    assert _rows(tmp_path) == table

    # Stage one with its test and masks, the single stage with its test, stage
    # two with two tests.
    assert len(steps) == 3 + 2 + 3
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

    # Only new steps run: a longer stage one, and a test of stage two.
    steps.clear()
    _run(monkeypatch, tmp_path, '--longer')
    assert len(steps) == 3 + 1
    (trained,) = (words for tool, words in steps if tool == 'train')
    assert 'train_cfg.max_epochs=2' in trained
    assert _rows(tmp_path) == table | {
        'better stage one': 'split/mIoU',
        'neither, better stage one': 'dataset/mIoU',
    }
    steps.clear()
    _run(monkeypatch, tmp_path, '--longer')
    assert steps == []

    # A longer single stage; a single stage and a stage two that start from
    # stage one's weights.
    _run(monkeypatch, tmp_path, '--equal-totals')
    assert len(steps) == 2 + 2 + 3
    longer, *others = (words for tool, words in steps if tool == 'train')
    assert 'train_cfg.max_epochs=2' in longer
    (weights,) = stage_one.glob('best_*.pth')
    assert len(others) == 2
    for words in others:
        assert {f'load_from={weights}', 'train_cfg.max_epochs=1'} <= {*words}
    assert _rows(tmp_path) == table | dict.fromkeys(
        (
            'single stage, steps of both',
            'stage one, then single stage',
            'neither, with its weights',
            'neither, with its weights, oracle prior',
        ),
        'dataset/mIoU',
    )


def test_rows_of_every_system():
    """The first row is the method; its config and all others exist."""
    systems = stepping_stones_runs.SYSTEMS
    assert set(systems) == {'aavs', 'ease'}
    for system in systems.values():
        assert next(iter(system.rows)) == 'two stages'
        paths = [row.config for row in system.rows.values()]
        for path in (system.stage_one, system.single_stage, *paths):
            assert path.is_file()
    options = [row.options for row in systems['ease'].rows.values()]
    assert options == [
        (),
        ('model.decode_head.mask_prior.init_attention=True',),
        ('model.decode_head.mask_prior.robust_key=True',),
    ]


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
    rows = stepping_stones_table.make_rows(
        {
            'binary': [{'split/mIoU': 0.5, 'split/F': 0.25, 'clips': 3}],
            'two stages': [
                {'dataset/mIoU': 0.2, 'dataset/F': 0.5},
                {'dataset/mIoU': 0.4, 'dataset/F': 0.5},
            ],
        }
    )
    assert set(rows[0]['metrics']) == {'split/mIoU', 'split/F'}
    stepping_stones_table.print_table(rows, 'dataset')
    *_, header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ['mIoU', 'F']
    # 0.2 and 0.4: sqrt(2 * 0.01) = 0.1414
    assert line.split() == 'two stages 30.0 +- 14.1 50.0 +- 0.0'.split()

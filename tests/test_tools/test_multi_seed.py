"""Several seeds of a training of milliseconds, killed and repeated."""

import json
import multiprocessing
import os
import signal
import sys

import pytest
from support import toy_training
from support.staged_runs import Kill, run_stages

from tools import multi_seed

_PROCESSES = multiprocessing.get_context('forkserver')
_PROCESSES.set_forkserver_preload(
    ['support.toy_training', 'support.staged_runs', 'tools.multi_seed']
)


def _run(folder, name, kill=None, options=('--seeds', '5', '7')):
    """Run the tool in ``folder/name``; return exit code and commands."""
    work_dir = folder / name
    logs = folder / f'{name}-logs-{len(list(folder.glob(f"{name}-logs-*")))}'
    words = [folder / 'toy.py', *options, '--work-dir', work_dir]
    process = _PROCESSES.Process(
        target=run_stages,
        args=([str(w) for w in words], kill, str(logs), 'multi_seed.py'),
    )
    with pytest.MonkeyPatch.context() as patch:
        # the process that the others are forked from looks only there
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        process.start()
    process.join()
    return process.exitcode, len(list(logs.glob('[0-9]*.txt')))


def _result(folder, name):
    return json.loads((folder / name / 'results.json').read_text())


def _tree(work_dir):
    """Files that do not depend on the time of the run."""
    return sorted(
        path.relative_to(work_dir).as_posix()
        for path in work_dir.rglob('*')
        if path.suffix in ('.json', '.pth') and 'vis_data' not in path.parts
        if not path.name.startswith('2')
    )


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with a config and, in ``alone``, an undisturbed run."""
    folder = tmp_path_factory.mktemp('seeds')
    toy_training.write_config(folder)
    # Training and test of two seeds.
    assert _run(folder, 'alone') == (0, 4)
    return folder


@pytest.mark.slow
def test_result_of_an_undisturbed_run(folder):
    result = _result(folder, 'alone')
    assert result['schema'] == 'mmavs-results-1'
    assert result['config'] == 'toy'
    assert result['data'] == dict(type='ToyDataset', num_clips=8)
    runs = result['runs']
    assert [run['seed'] for run in runs] == [5, 7]
    for run in runs:
        assert {'mmavs', 'torch'} < set(run['versions'])
        assert len(run['checkpoint_hash']) == 64
    first, second = (run['metrics']['split/mIoU'] for run in runs)
    assert first != second
    summary = result['summary']['split/mIoU']
    assert summary['values'] == [first, second]
    assert summary['mean'] == pytest.approx((first + second) / 2)
    # Nothing is left to do.
    assert _run(folder, 'alone') == (0, 0)
    assert _result(folder, 'alone') == result


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_numbers(folder):
    """From the second run on, command 0 is the interrupted one."""
    kills = [
        Kill(0, 2),  # first training, before its first checkpoint
        Kill(0, 10),  # first training, in its third epoch
        Kill(1, 1),  # first test
        Kill(1, 7, only_parent=True),  # second training, which goes on
        Kill(1, 1),  # second test; that training has nothing left to do
    ]
    for kill in kills:
        code, commands = _run(folder, 'killed', kill)
        assert (code, commands) == (-signal.SIGKILL, kill.command + 1), kill
        assert not (folder / 'killed/results.json').exists()
    assert _run(folder, 'killed') == (0, 1)

    ours, theirs = _result(folder, 'killed'), _result(folder, 'alone')
    for run, other in zip(ours['runs'], theirs['runs'], strict=True):
        assert run['metrics'] == other['metrics']
        assert run['checkpoint'] == other['checkpoint']
    assert ours['summary'] == theirs['summary']
    assert _tree(folder / 'killed') == _tree(folder / 'alone')


@pytest.mark.slow
def test_another_seed_is_added(folder):
    """Finished seeds are not repeated, whatever the number of jobs."""
    options = ('--seeds', '5', '7', '11', '--jobs', '2')
    assert _run(folder, 'alone', options=options) == (0, 2)
    seeds = [run['seed'] for run in _result(folder, 'alone')['runs']]
    assert seeds == [5, 7, 11]


def test_seeds_of_the_command_line():
    seeds = {
        '3': [0, 1, 2],
        '1': [0],
        '5 7': [5, 7],
    }
    for words, expected in seeds.items():
        args = multi_seed.parse_args(['c.py', '--seeds', *words.split()])
        assert args.seeds == expected
    assert multi_seed.parse_args(['a/c.py']).results == (
        multi_seed.Path('work_dirs/c_seeds/results.json')
    )

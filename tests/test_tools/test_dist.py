"""Several processes give the results of one; on the CPU, with gloo.

Each of the two scripts starts real processes once; the others are forked.
"""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support import toy_training
from support.avsbench_tree import Clip, write_avsbench_tree
from support.forked import run_tool_in_two_processes
from support.new_process import QUICK_START, quick_environment
from support.tiny_models import TINY_CONFIG, build, tiny_config
from support.toy_training import write_config

TOOLS = Path(__file__).parents[2] / 'tools'
KEEP_ALL = ('--cfg-options', 'default_hooks.checkpoint.max_keep_ckpts=-1')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        torch.cuda.is_available(), reason='checks what happens without CUDA'
    ),
]


#: Each of several processes records its threads when Python ends.
_WATCH = """
import atexit, glob, os
from pathlib import Path

def write():
    comms = [Path(comm) for comm in glob.glob('/proc/self/task/*/comm')]
    names = sorted(comm.read_text().strip() for comm in comms)
    Path(__file__).with_name(f'{os.getpid()}.txt').write_text(repr(names))

if 'RANK' in os.environ:
    atexit.register(write)
"""


@pytest.fixture
def watched(tmp_path):
    """A folder with a list of threads of each process that ended.

    Remaining threads of a process group would sometimes abort a process that
    has finished its work.
    """
    folder = tmp_path / 'watched'
    folder.mkdir()
    quick = (QUICK_START / 'sitecustomize.py').read_text()
    # Python imports only the first sitecustomize of its path.
    (folder / 'sitecustomize.py').write_text(quick + _WATCH)
    yield folder
    ended = [path.read_text() for path in folder.glob('*.txt')]
    assert len(ended) >= 2
    assert not [names for names in ended if 'gloo' in names]


def _run(watched, *command):
    env = quick_environment()
    env['PYTHONPATH'] = os.pathsep.join([str(watched), env['PYTHONPATH']])
    env.update(PYTHON=sys.executable, OMP_NUM_THREADS='1')
    done = subprocess.run(
        [str(word) for word in command],
        env=env,
        capture_output=True,
        text=True,
    )
    # The error is at the end, and pytest truncates long texts.
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout + done.stderr


def _test_alone(words, log):
    torch.set_num_threads(1)
    toy_training.run_tool('test.py', [str(word) for word in words], None, log)


def test_two_processes_test_as_one(tmp_path, watched):
    """All metrics to the last digit, and all masks.

    Three clips: one process has two, the other one has one and a repeated one.
    """
    clips = [Clip('v1m', 'test', f'clip{i}', 5 + i) for i in range(3)]
    data_root = write_avsbench_tree(tmp_path / 'data', clips)
    checkpoint = tmp_path / 'model.pth'
    torch.save(build(tiny_config()).state_dict(), checkpoint)
    options = [
        '--cfg-options',
        f'test_dataloader.dataset.data_root={data_root}',
        f'work_dir={tmp_path}',
    ]
    outputs = [
        ('--out', tmp_path / f'{n}.json', '--dump-masks', tmp_path / str(n))
        for n in (1, 2)
    ]
    test = (TINY_CONFIG, checkpoint)
    alone = multiprocessing.get_context('fork').Process(
        target=_test_alone,
        args=([*test, *outputs[0], *options], tmp_path / 'alone.txt'),
    )
    alone.start()
    alone.join()
    assert alone.exitcode == 0, (tmp_path / 'alone.txt').read_text()
    script = TOOLS / 'dist_test.sh'
    log = _run(watched, script, *test, 2, *outputs[1], *options)

    assert 'No CUDA device: 2 processes on the CPU' in log
    one, two = (tmp_path / f'{n}.json' for n in (1, 2))
    assert one.read_text() == two.read_text()
    assert 0 < json.loads(one.read_text())['split/mIoU'] < 1
    files = sorted(path for path in (tmp_path / '1').rglob('*.*'))
    # three clips of five frames, a record each, the index and the note that
    # marks the folder as one of masks
    assert len(files) == 3 * (5 + 1) + 2
    for path in files:
        other = tmp_path / '2' / path.relative_to(tmp_path / '1')
        assert path.read_bytes() == other.read_bytes(), path


def _resume(config, folder):
    """Go on from epoch 1 of ``folder/alone``, in ``folder/resumed``."""
    words = (config, '--work-dir', folder / 'resumed')
    words += ('--resume', folder / 'alone' / 'epoch_1.pth')
    run_tool_in_two_processes('train.py', words, folder / 'resumed.txt')


def test_two_processes_train_in_two_phases_and_resume(tmp_path, watched):
    """Gradients are averaged in both phases, and resume is exact."""
    config = write_config(tmp_path)
    train = (TOOLS / 'dist_train.sh', config, 2, '--work-dir')
    _run(watched, *train, tmp_path / 'alone', *KEEP_ALL)
    _resume(config, tmp_path)

    alone, other, resumed, resumed_other = (
        torch.load(tmp_path / name / f'rank_{rank}.pth', weights_only=True)
        for name in ('alone', 'resumed')
        for rank in (0, 1)
    )
    assert alone['backbone.adapter.2.bias'].any()
    for name in alone:
        assert alone[name].equal(other[name]), name
        assert alone[name].equal(resumed[name]), name
        assert alone[name].equal(resumed_other[name]), name


def test_two_processes_free_what_was_frozen_and_resume(tmp_path):
    """Gradients of unfrozen parameters are averaged: ranks stay equal.

    One run is resumed while the backbone is frozen, one epoch before the end
    of that phase.
    """
    freeze = dict(type='FreezeUntilHook', parameters=[r'^backbone\.'], epoch=2)
    hooks = [freeze, dict(type='ToyRankHook')]
    config = write_config(tmp_path, custom_hooks=hooks)
    train = (config, '--work-dir', tmp_path / 'alone', *KEEP_ALL)
    run_tool_in_two_processes('train.py', train, tmp_path / 'alone.txt')
    _resume(config, tmp_path)

    frozen, freed = (
        torch.load(tmp_path / f'alone/epoch_{n}.pth', weights_only=False)
        for n in (2, 3)
    )
    ends = [
        torch.load(tmp_path / name / f'rank_{rank}.pth', weights_only=True)
        for name in ('alone', 'resumed')
        for rank in (0, 1)
    ]
    backbone = [name for name in ends[0] if name.startswith('backbone.')]
    assert backbone
    for name in backbone:
        before = frozen['state_dict'][name]
        assert not freed['state_dict'][name].equal(before), name
    for name, value in ends[0].items():
        for other in ends[1:]:
            assert value.equal(other[name]), name

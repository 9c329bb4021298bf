"""Calls in several processes."""

import functools
import multiprocessing
import os
import time
from pathlib import Path

import pytest
from mmavs.parallel import map_in_processes


def _square(number):
    return number**2


@pytest.mark.parametrize('num_workers', [1, 2])
def test_results_are_in_order(num_workers):
    results = map_in_processes(
        _square, range(30), num_workers=num_workers, description='numbers'
    )
    assert list(results) == [number**2 for number in range(30)]


def _fail(number):
    if number == 7:
        raise ValueError('seven')
    return number


@pytest.mark.parametrize('num_workers', [1, 2])
def test_errors_reach_the_caller(num_workers):
    with pytest.raises(ValueError, match='seven'):
        list(
            map_in_processes(
                _fail, range(30), num_workers=num_workers, description='n'
            )
        )


def _write_pid(number, folder):
    (Path(folder) / f'{os.getpid()}').touch()
    time.sleep(60)


def _run_forever(folder):
    write = functools.partial(_write_pid, folder=folder)
    list(map_in_processes(write, range(9), num_workers=2, description='n'))


def _is_running(pid):
    """Whether a process exists and has not ended."""
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2]
    except FileNotFoundError:
        return False
    return state.split()[0] not in 'ZX'


def _wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(not Path('/proc/self/stat').exists(), reason='no /proc')
def test_processes_end_with_a_killed_parent(tmp_path):
    """Otherwise they would write files while the next run does."""
    context = multiprocessing.get_context('fork')
    parent = context.Process(target=_run_forever, args=(str(tmp_path),))
    parent.start()
    _wait_until(lambda: len(os.listdir(tmp_path)) == 2)
    workers = os.listdir(tmp_path)
    assert all(map(_is_running, workers))
    parent.kill()
    parent.join()
    _wait_until(lambda: not any(map(_is_running, workers)))

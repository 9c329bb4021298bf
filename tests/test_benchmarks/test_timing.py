"""The timer and the memory measure of all benchmarks."""

import itertools
import mmap

import pytest

from benchmarks import memory, timing


def _clock(monkeypatch, name, step):
    """Replace a clock by one that advances at every reading."""
    ticks = itertools.count(0, step)
    monkeypatch.setattr(timing.time, name, lambda: next(ticks))


def test_functions_take_turns_after_one_call_each():
    order = []
    functions = {name: lambda name=name: order.append(name) for name in 'ab'}
    timing.time_in_turns(functions, 2, calls=dict(a=3))
    assert ''.join(order) == 'ab' + 2 * 'aaab'


def test_medians_and_spread_by_hand(monkeypatch):
    """Calls of 1, 2, 3, 4 and 10 s; quartiles 2 and 4."""
    _clock(monkeypatch, 'process_time', 0.5)
    now = [0.0]
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: now[0])
    seconds = iter([100.0, 4.0, 1.0, 10.0, 3.0, 2.0])  # the first warms up

    def work():
        now[0] += next(seconds)

    result = timing.time_in_turns(dict(work=work), 5)['work']
    assert result == timing.Timing(median=3, spread=2, fastest=1, cpu=0.5)


def test_no_round_begins_after_the_time_but_one_runs(monkeypatch):
    _clock(monkeypatch, 'perf_counter', 1.0)
    calls = []
    functions = dict(work=lambda: calls.append(None))
    result = timing.time_in_turns(functions, 9, max_seconds=0)['work']
    assert len(calls) == 2  # warm-up and one round
    assert (result.median, result.spread) == (1, 0)


@pytest.mark.skipif(
    not memory._CLEAR_PEAK.exists(), reason='peak memory is read from Linux'
)
def test_added_memory_is_the_peak_not_what_is_kept():
    """64 MiB that are freed again in each call.

    Mapped, because a tensor may get memory that earlier tests have freed and
    the C library has kept.
    """

    def run():
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        with mmap.mmap(-1, 2**26, flags=flags) as block:
            for page in range(0, 2**26, mmap.PAGESIZE):
                block[page] = 1

    added = memory.added_memory(run)
    assert 0.9 * 2**26 < added < 1.2 * 2**26


def test_a_benchmark_that_fails_shows_its_error():
    with pytest.raises(RuntimeError, match=r'No module named benchmarks\.no'):
        memory.run_in_new_process('benchmarks.no')

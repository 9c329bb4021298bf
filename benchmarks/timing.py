"""The timer that all benchmarks share."""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import nn


class Timing(NamedTuple):
    """Time of one call, in seconds.

    Attributes:
        median (float): Wall-clock time, median over the calls.
        spread (float): Its interquartile range; 0 of a single call.
        fastest (float): Wall-clock time of the fastest call.
        cpu (float): CPU time of this process, median over the calls. Other
            processes on the machine disturb it less than the wall-clock time.
    """

    median: float
    spread: float
    fastest: float
    cpu: float


def time_in_turns(
    functions: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    device: str = 'cpu',
    calls: Mapping[str, int] | None = None,
    max_seconds: float = math.inf,
) -> dict[str, Timing]:
    """Time functions in turns, so that a busy machine slows all of them.

    Each function is called once to warm up. Then every round calls them one
    after the other.

    Args:
        functions (Mapping[str, Callable[[], object]]): By name.
        rounds (int): At most this many rounds, at least 1.
        device (str): 'cpu', or 'cuda' to wait for the GPU around each call.
        calls (Mapping[str, int] | None): Name -> calls in each round, 1 by
            default. Noise distorts short calls most, so they need more.
        max_seconds (float): Start no round after this time, except the first.

    Returns:
        dict[str, Timing]: By name.
    """
    for function in functions.values():
        function()
    taken: dict[str, list[tuple[float, float]]] = {n: [] for n in functions}
    begin = time.perf_counter()
    for turn in range(rounds):
        if turn and time.perf_counter() - begin > max_seconds:
            break
        for name, function in functions.items():
            for _ in range((calls or {}).get(name, 1)):
                taken[name].append(_time_call(function, device))
    return {name: _summarise(pairs) for name, pairs in taken.items()}


@contextmanager
def timed_parts(
    parts: Mapping[str, nn.Module],
    device: str,
    seconds: dict[str, list[float]],
) -> Iterator[None]:
    """Time the parts of a network inside the block.

    Args:
        parts (Mapping[str, nn.Module]): By name.
        device (str): 'cpu', or 'cuda' to wait for the GPU around each part.
        seconds (dict[str, list[float]]): The wall-clock time of each call of
            a part is appended to ``seconds[name]``.

    Yields:
        None
    """
    started: dict[str, float] = {}

    def start(name: str, *_: object) -> None:
        synchronize(device)
        started[name] = time.perf_counter()

    def stop(name: str, *_: object) -> None:
        synchronize(device)
        elapsed = time.perf_counter() - started[name]
        seconds.setdefault(name, []).append(elapsed)

    with ExitStack() as stack:
        for name, part in parts.items():
            for hook in (
                part.register_forward_pre_hook(functools.partial(start, name)),
                part.register_forward_hook(functools.partial(stop, name)),
            ):
                stack.callback(hook.remove)
        yield


def synchronize(device: str) -> None:
    """Wait until the GPU has finished; do nothing on the CPU."""
    if device == 'cuda':
        torch.cuda.synchronize()


def _time_call(
    function: Callable[[], object], device: str
) -> tuple[float, float]:
    """Return wall-clock and CPU seconds of a call."""
    synchronize(device)
    clock, cpu = time.perf_counter(), time.process_time()
    function()
    synchronize(device)
    return time.perf_counter() - clock, time.process_time() - cpu


def _summarise(pairs: list[tuple[float, float]]) -> Timing:
    clocks, cpus = zip(*pairs, strict=True)
    spread = 0.0
    if len(clocks) > 1:
        low, _, high = statistics.quantiles(clocks, n=4, method='inclusive')
        spread = high - low
    return Timing(
        median=statistics.median(clocks),
        spread=spread,
        fastest=min(clocks),
        cpu=statistics.median(cpus),
    )

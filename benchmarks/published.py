"""Compare the inference of a clip with the published code.

    MMAVS_REFERENCE_ROOT=CHECKOUTS python -m benchmarks.published
        [SYSTEM ...] [--precision bfloat16] [--rounds 3] [--memory]
        [--json FILE]

Both get the same clip of five frames at the size of the system's config, the
same random weights, and the embeddings of the sound instead of its log-mels,
because VGGish is the same in both. They take turns on the CPU. Peak memory is
what segmenting the clip adds to a process that has built the network. FILE
keeps the results of the systems that are not named. CHECKOUTS contains
``Stepping-Stones`` (AAVS) at commit de6a17b, ``AVSegFormer`` at 7083cb6 and
``AVSBench`` (TPAVI) at f7414af; AVSegFormer's deformable attention then runs
in its own plain PyTorch, as wherever its CUDA operator is not installed.
"""

from __future__ import annotations

import argparse
import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, get_args

import torch
from mmavs.engine import Precision
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.command_line import (
    keep_result,
    make_parser,
    parse_and_run,
)
from benchmarks.machine import describe_machine
from benchmarks.memory import added_memory, print_memory, run_in_new_process
from benchmarks.published_systems import SYSTEMS, Ours, Run, System
from benchmarks.timing import time_in_turns

OURS, PUBLISHED = 'mmavs', 'published'
#: Height and width of frames that all networks accept.
_SMALL = 96


def measure(
    name: str,
    precisions: Sequence[Precision],
    rounds: int,
    *,
    with_memory: bool,
) -> dict[str, Any]:
    """Measure a system and its published code.

    Args:
        name (str): One of ``SYSTEMS``.
        precisions (Sequence[Precision]): Of ours, beside float32.
        rounds (int): Clips that each segments after one to warm up.
        with_memory (bool): Also measure the memory, in new processes.

    Returns:
        dict[str, Any]: ``machine``, ``rounds`` and ``codes``: by name the
        seconds of a clip, ``max_difference`` from the published logits, the
        share of ``equal_pixels`` and ``peak_memory_bytes``, None if it was
        not measured.
    """
    measured = (PUBLISHED, OURS) if with_memory else ()
    memory = {
        code: run_in_new_process(
            'benchmarks.published',
            *(name, '--memory-of', code),
            *('--threads', torch.get_num_threads()),
        )
        for code in measured
    }
    machine = describe_machine()
    runners = build_runners(SYSTEMS[name], precisions)
    outputs: dict[str, Tensor] = {}

    def segment(code: str) -> None:
        outputs[code] = runners[code]()

    timings = time_in_turns(
        {code: functools.partial(segment, code) for code in runners}, rounds
    )
    reference = outputs[PUBLISHED]
    codes = {
        code: dict(
            cpu_seconds=timing.cpu,
            seconds=timing.median,
            spread=timing.spread,
            max_difference=(outputs[code] - reference).abs().max().item(),
            equal_pixels=_equal_pixels(outputs[code], reference),
            peak_memory_bytes=memory.get(code),
        )
        for code, timing in timings.items()
    }
    return dict(machine=machine, rounds=rounds, codes=codes)


def build_runners(
    system: System, precisions: Sequence[Precision]
) -> dict[str, Callable[[], Tensor]]:
    """Build both networks with the same weights and clip.

    Args:
        system (System): Which.
        precisions (Sequence[Precision]): Of ours, beside float32.

    Returns:
        dict[str, Callable[[], Tensor]]: By name: 'published', 'mmavs', and
        'mmavs, PRECISION'; each returns logits (T, C, h, w).
    """
    published = system.build_published()
    ours = Ours(system, published.weights)
    runners: dict[str, Callable[[], Tensor]] = {
        PUBLISHED: functools.partial(published.run, *ours.clip)
    }
    runners[OURS] = functools.partial(ours.run, *ours.clip)
    for precision in precisions:
        runners[f'{OURS}, {precision}'] = functools.partial(
            ours.run, *ours.clip, precision
        )
    return runners


def _equal_pixels(logits: Tensor, reference: Tensor) -> float:
    masks, others = (
        x.argmax(1) if x.shape[1] > 1 else (x > 0)[:, 0]
        for x in (logits, reference)
    )
    return (masks == others).double().mean().item()


def measure_memory(system: System, code: str) -> int | None:
    """Measure what segmenting the clip adds to this process's memory.

    Args:
        system (System): Which.
        code (str): 'published' or 'mmavs'.

    Returns:
        int | None: As in :func:`benchmarks.memory.added_memory`.
    """
    ours = Ours(system, None)
    run: Run = ours.run
    frames, audio = ours.clip
    if code == PUBLISHED:
        del ours
        run = system.build_published().run
    # Loads libraries.
    run(frames[..., :_SMALL, :_SMALL].contiguous(), audio)
    return added_memory(lambda: run(frames, audio), calls=1)


def make_table(systems: dict[str, dict[str, Any]]) -> Table:
    """Lay the results out.

    Args:
        systems (dict[str, dict[str, Any]]): By name, from :func:`measure`.

    Returns:
        Table: One line per code.
    """
    table = Table(
        'system',
        'code',
        'CPU s per clip',
        'wall s',
        'spread',
        'times faster (CPU)',
        'peak (MiB)',
        'largest difference',
        'equal pixels',
    )
    for name, result in systems.items():
        theirs = result['codes'][PUBLISHED]['cpu_seconds']
        for code, row in result['codes'].items():
            memory = row['peak_memory_bytes']
            table.add_row(
                name,
                code,
                f'{row["cpu_seconds"]:.2f}',
                f'{row["seconds"]:.2f}',
                f'{row["spread"]:.2f}',
                f'{theirs / row["cpu_seconds"]:.2f}',
                '' if memory is None else f'{memory / 2**20:.0f}',
                f'{row["max_difference"]:.1e}',
                f'{row["equal_pixels"]:.5f}',
            )
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument(
        'systems', nargs='*', metavar='SYSTEM', help=', '.join(SYSTEMS)
    )
    parser.add_argument(
        '--precision', nargs='+', choices=get_args(Precision)[1:], default=[]
    )
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument(
        '--memory', action='store_true', help='also measure the peak memory'
    )
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--memory-of', metavar='CODE', help=argparse.SUPPRESS)
    parse_and_run(parser, run)


@torch.no_grad()
def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        ValueError: If a system is unknown.
        FileNotFoundError: If its published code cannot be run.
    """
    torch.set_num_threads(args.threads)
    warnings.filterwarnings('ignore', message='torch.meshgrid')
    names = args.systems or [*SYSTEMS]
    for name in names:
        if name not in SYSTEMS:
            raise ValueError(f'expected one of {[*SYSTEMS]}, got {name!r}')
        reason = SYSTEMS[name].code.why_not()
        if reason is not None:
            raise FileNotFoundError(
                f'expected the published code of {name}: {reason}'
            )
    if args.memory_of:
        print_memory(measure_memory(SYSTEMS[names[0]], args.memory_of))
        return
    systems = {}
    for name in names:
        systems[name] = measure(
            name, args.precision, args.rounds, with_memory=args.memory
        )
        keep_result(args.json, name, systems[name])
    Console(width=140).print(make_table(systems))


if __name__ == '__main__':
    main()

"""Time a training step and measure its peak memory, by phase.

    python -m benchmarks.training CONFIG [--phases 1 2] [--rounds 3]
        [--amp] [--feature-cache] [--json FILE]

trains on one random clip of five frames at the config's size. Phases are
those of its schedule that train different parameters, such as the two of
AAVS. With MMAVS_REFERENCE_ROOT set to a folder with Stepping-Stones at commit
de6a17b, and a config of AAVS stage one, the published step takes turns with
ours; it gets the embeddings of VGGish, which ours computes. Peak memory is
what one step adds to a process that has built model and optimiser.

With --amp the same step is measured with mixed precision, too, and with
--feature-cache, where the backbone is frozen, with its features stored on
disk (``model.feature_cache_dir``), after a step that stores them.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmavs.atomic_file import write_json
from mmavs.config_file import check_entries, read_config
from mmavs.testing import aavs as published_code
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from benchmarks.command_line import make_parser, parse_and_run
from benchmarks.memory import added_memory, print_memory, run_in_new_process
from benchmarks.timing import Timing, time_in_turns
from benchmarks.training_steps import (
    AMP,
    CACHE,
    NUM_FRAMES,
    PARTS,
    OurStep,
    PublishedStep,
    build_step,
    num_phases,
)


def options_of(
    config: Path, phase: int, *, amp: bool, cache: bool
) -> list[str]:
    """Return the names of our code with the options that apply to a phase.

    Args:
        config (Path): The config.
        phase (int): From 1.
        amp (bool): Whether mixed precision is measured, too.
        cache (bool): Whether stored features are measured, too, where the
            backbone is frozen.

    Returns:
        list[str]: For :func:`benchmarks.training_steps.build_step`.
    """
    names = ['mmavs']
    if cache:
        backbone = OurStep(config, phase).model.backbone
        if not any(p.requires_grad for p in backbone.parameters()):
            names.append(f'mmavs, {CACHE}')
    return [*names, *(f'{name}, {AMP}' for name in names if amp)]


def names_of(cfg: Config) -> list[str]:
    """Return the codes that can train a config's system: ours comes first.

    Args:
        cfg (Config): The config.

    Returns:
        list[str]: 'mmavs' and, where it can run, 'published'.
    """
    if cfg.model.type != 'AAVS' or cfg.model.decode_head.get('mask_prior'):
        return ['mmavs']
    reason = published_code.why_not()
    if reason is not None:
        print(f'Only mmavs is timed: {reason}.')
        return ['mmavs']
    return ['mmavs', 'published']


def measure_phase(
    config: Path, phase: int, names: list[str], rounds: int, device: str
) -> dict[str, dict[str, Any]]:
    """Measure the steps of a phase, the codes in turns.

    Args:
        config (Path): The config.
        phase (int): From 1.
        names (list[str]): From :func:`names_of`.
        rounds (int): Steps of each code, after one to warm up.
        device (str): 'cpu' or 'cuda'.

    Returns:
        dict[str, dict[str, Any]]: By code: ``seconds`` and ``spread``
        (wall-clock), ``cpu_seconds``, ``parts`` (CPU seconds of forward,
        backward and optimiser) and ``peak_memory_bytes`` (None if unknown).
    """
    memory = {
        name: run_in_new_process(
            'benchmarks.training',
            config.resolve(),
            *('--memory-of', name, '--phases', phase),
            *('--threads', torch.get_num_threads()),
        )
        for name in names
    }
    with TemporaryDirectory() as folder:
        steps = {
            name: build_step(name, config, phase, device, Path(folder))
            for name in names
        }
        timings = time_in_turns(steps, rounds, device=device)
    return {
        name: dict(
            _row(timings[name], steps[name]), peak_memory_bytes=memory[name]
        )
        for name in names
    }


def _row(timing: Timing, step: OurStep | PublishedStep) -> dict[str, Any]:
    # The first call of each part is the warm-up.
    parts = {n: statistics.median(s[1:]) for n, s in step.seconds.items()}
    return dict(
        seconds=timing.median,
        spread=timing.spread,
        cpu_seconds=timing.cpu,
        parts=parts,
    )


def measure_memory(
    name: str, config: Path, phase: int, device: str
) -> int | None:
    """Measure what one step adds to this process's memory.

    Args:
        name (str): From :func:`names_of`.
        config (Path): The config.
        phase (int): From 1.
        device (str): 'cpu' or 'cuda'.

    Returns:
        int | None: As in :func:`benchmarks.memory.added_memory`.
    """
    with TemporaryDirectory() as folder:
        step = build_step(name, config, phase, device, Path(folder))
        # Loads libraries, makes the state of the optimiser, and stores the
        # features of these frames.
        step(NUM_FRAMES if CACHE in name else 1)
        return added_memory(step, device, calls=1)


def make_table(phases: dict[str, dict[str, dict[str, Any]]]) -> Table:
    """Lay the phases out.

    Args:
        phases (dict[str, dict[str, dict[str, Any]]]): Phase -> code -> row
            of :func:`measure_phase`.

    Returns:
        Table: One line per phase and code.
    """
    table = Table(
        'phase',
        'code',
        'CPU s per step',
        'wall s',
        'spread',
        *(f'{part} (CPU s)' for part in PARTS),
        'peak (MiB)',
        'times faster (CPU)',
        'of the memory',
    )
    for phase, rows in phases.items():
        theirs = rows.get('published')
        for name, row in rows.items():
            memory = row['peak_memory_bytes']
            faster = share = ''
            if theirs is not None and row is not theirs:
                faster = f'{theirs["cpu_seconds"] / row["cpu_seconds"]:.2f}'
                if memory and theirs['peak_memory_bytes']:
                    share = f'{memory / theirs["peak_memory_bytes"]:.0%}'
            table.add_row(
                phase,
                name,
                f'{row["cpu_seconds"]:.2f}',
                f'{row["seconds"]:.2f}',
                f'{row["spread"]:.2f}',
                *(f'{row["parts"][part]:.2f}' for part in PARTS),
                'unknown' if memory is None else f'{memory / 2**20:.0f}',
                faster,
                share,
            )
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('config', type=Path)
    parser.add_argument('--phases', nargs='+', type=int)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument(
        '--amp', action='store_true', help='also with mixed precision'
    )
    parser.add_argument(
        '--feature-cache',
        action='store_true',
        help='also with stored features of a frozen backbone',
    )
    parser.add_argument('--memory-of', metavar='CODE', help=argparse.SUPPRESS)
    parse_and_run(parser, run)


def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If the config is missing.
        ValueError: If it has no model or no training data, or not a phase of
            ``--phases``.
    """
    torch.set_num_threads(args.threads)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    cfg = read_config(args.config)
    check_entries(cfg, 'model', 'train_dataloader')
    phases = args.phases or [*range(1, num_phases(cfg) + 1)]
    if not set(phases) <= {*range(1, num_phases(cfg) + 1)}:
        raise ValueError(
            f'{args.config}: expected --phases from 1 to {num_phases(cfg)}, '
            f'got {phases}'
        )
    if args.memory_of:
        print_memory(
            measure_memory(args.memory_of, args.config, phases[0], device)
        )
        return
    load = os.getloadavg()[0]
    others = names_of(cfg)[1:] if device == 'cpu' else []
    rows = {
        str(phase): measure_phase(
            args.config,
            phase,
            options_of(
                args.config, phase, amp=args.amp, cache=args.feature_cache
            )
            + others,
            args.rounds,
            device,
        )
        for phase in phases
    }
    report = dict(
        config=args.config.stem,
        device=device,
        threads=args.threads,
        torch=torch.__version__,
        rounds=args.rounds,
        load_average_before=load,
        load_average_after=os.getloadavg()[0],
        phases=rows,
    )
    if args.json:
        write_json(args.json, report)
    Console(width=160).print(make_table(rows))


if __name__ == '__main__':
    main()

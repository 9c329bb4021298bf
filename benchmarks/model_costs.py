"""Measure the costs of full-size models: one clip of five frames, in turns.

    python -m benchmarks.model_costs CONFIG [CONFIG ...] [--json FILE]

prints parameters, GFLOPs per frame, frames per second, CPU seconds per clip
and the memory that a clip adds. Audio backbones are included. Weights are
random, because no figure depends on them. The models segment clips in turns,
so that other load on the machine slows all of them.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import torch
from mmavs.atomic_file import write_json
from rich.console import Console
from rich.table import Column, Table

from benchmarks.command_line import make_parser, parse_and_run
from benchmarks.system_costs import (
    NUM_FRAMES,
    build_segmenter,
    count_parameters,
    gflops_per_frame,
    peak_memory,
)
from benchmarks.timing import time_in_turns

#: Key of a row -> column title, factor, format.
_COLUMNS = {
    'parameters': ('parameters (M)', 1e-6, '.1f'),
    'gflops_per_frame': ('GFLOPs per frame', 1, '.0f'),
    'frames_per_second': ('frames per second', 1, '.2f'),
    'cpu_seconds_per_clip': ('CPU s per clip', 1, '.1f'),
    'peak_memory_bytes': ('memory per clip (MiB)', 2**-20, '.0f'),
}


def measure(
    configs: list[Path], rounds: int, device: str
) -> dict[str, dict[str, Any]]:
    """Measure all models.

    Args:
        configs (list[Path]): Configs of audio-visual segmentors.
        rounds (int): Clips that each model segments after one to warm up.
        device (str): 'cpu' or 'cuda'.

    Returns:
        dict[str, dict[str, Any]]: By name of the config: ``parameters``,
        ``gflops_per_frame``, ``frames_per_second`` and
        ``seconds_per_clip`` (medians of wall-clock time),
        ``cpu_seconds_per_clip``, ``peak_memory_bytes``.
    """
    segmenters = {path.stem: build_segmenter(path, device) for path in configs}
    timings = time_in_turns(segmenters, rounds, device=device)
    rows: dict[str, dict[str, Any]] = {
        name: dict(
            parameters=count_parameters(segmenter),
            gflops_per_frame=gflops_per_frame(segmenter),
            frames_per_second=NUM_FRAMES / timings[name].median,
            seconds_per_clip=timings[name].median,
            cpu_seconds_per_clip=timings[name].cpu,
        )
        for name, segmenter in segmenters.items()
    }
    del segmenters
    for path in configs:
        rows[path.stem]['peak_memory_bytes'] = peak_memory(path, device)
    return rows


def make_table(rows: dict[str, dict[str, Any]]) -> Table:
    """Lay the rows out.

    Args:
        rows (dict[str, dict[str, Any]]): From :func:`measure`.

    Returns:
        Table: One line per model.
    """
    table = Table(
        Column('config', overflow='fold'),
        *(title for title, _, _ in _COLUMNS.values()),
    )
    for name, row in rows.items():
        cells = [
            '-' if row[key] is None else format(row[key] * factor, spec)
            for key, (_, factor, spec) in _COLUMNS.items()
        ]
        table.add_row(name, *cells)
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('configs', nargs='+', type=Path, metavar='CONFIG')
    parser.add_argument('--rounds', type=int, default=5)
    parse_and_run(parser, run)


def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If a config is missing.
        ValueError: If a config has no audio-visual segmentor.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    load = os.getloadavg()[0]
    rows = measure(args.configs, args.rounds, device)
    report = dict(
        device=device,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        rounds=args.rounds,
        load_average_before=load,
        load_average_after=os.getloadavg()[0],
        models=rows,
    )
    if args.json:
        write_json(args.json, report)
    Console(width=120).print(make_table(rows))


if __name__ == '__main__':
    main()

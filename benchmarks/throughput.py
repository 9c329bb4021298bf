"""Frames per second of a network by precision, compilation and batch.

    python -m benchmarks.throughput CONFIG [--precision float32 bfloat16]
        [--batch 1 8] [--compile] [--device cuda] [--json FILE]

The combinations take turns. Weights are random and clips are noise, because
no figure depends on them; ``benchmarks.inference`` gives the parts of one
clip. On the CPU the frames per second depend on the load of the machine.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from typing import Any

import torch
from mmavs.atomic_file import write_json
from mmavs.engine import speed_up
from mmavs.engine.inference_speed import PRECISIONS, Precision
from rich.console import Console
from rich.table import Table

from benchmarks.command_line import make_parser, parse_and_run
from benchmarks.system_costs import NUM_FRAMES, build_segmenter
from benchmarks.timing import time_in_turns


class Batch:
    """A network in one precision and a batch of equal clips.

    Args:
        config (Path): Config of an audio-visual segmentor.
        precision (Precision): Its precision.
        num_clips (int): Clips of five frames.
        compiled (bool): Compile the network, at the first call.
        device (str): 'cpu' or 'cuda'.
    """

    def __init__(
        self,
        config: Path,
        precision: Precision,
        num_clips: int,
        *,
        compiled: bool,
        device: str,
    ) -> None:
        self.segmenter = build_segmenter(config, device)
        speed_up(self.segmenter.model, precision, compiled=compiled)
        self.inputs: dict[str, Any] = {
            name: torch.cat([rows] * num_clips)
            for name, rows in self.segmenter.clip.items()
            if name != 'num_frames'
        }
        self.inputs['num_frames'] = [NUM_FRAMES] * num_clips
        self.num_frames = NUM_FRAMES * num_clips

    def __call__(self) -> None:
        """Segment the batch."""
        with torch.no_grad():
            self.segmenter.model.predict(dict(self.inputs))


def measure(
    config: Path, args: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """Time all combinations in turns.

    Args:
        config (Path): Config of an audio-visual segmentor.
        args (argparse.Namespace): The command line.

    Returns:
        dict[str, dict[str, Any]]: By combination ``frames_per_second``,
        ``seconds_per_batch`` with its ``spread``, and on a GPU
        ``peak_memory_bytes``, weights included.
    """
    batches = {
        f'{precision}, batch {num}{", compiled" if compiled else ""}': Batch(
            config, precision, num, compiled=compiled, device=args.device
        )
        for compiled, precision, num in product(
            [False, True] if args.compile else [False],
            args.precision,
            args.batch,
        )
    }
    timings = time_in_turns(
        batches, args.rounds, device=args.device, max_seconds=args.seconds
    )
    rows: dict[str, dict[str, Any]] = {}
    for name, batch in batches.items():
        timing = timings[name]
        rows[name] = dict(
            frames_per_second=batch.num_frames / timing.median,
            seconds_per_batch=timing.median,
            spread=timing.spread,
        )
        if args.device == 'cuda':
            torch.cuda.reset_peak_memory_stats()
            batch()
            peak = torch.cuda.max_memory_allocated()
            rows[name]['peak_memory_bytes'] = peak
    return rows


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('config', type=Path)
    parser.add_argument(
        '--precision', nargs='+', choices=PRECISIONS, default=['float32']
    )
    parser.add_argument('--batch', nargs='+', type=int, default=[1])
    parser.add_argument(
        '--compile', action='store_true', help='also time compiled networks'
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument(
        '--seconds',
        type=float,
        default=20,
        help='start no round after this time (default: %(default)s)',
    )
    parse_and_run(parser, run)


def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If the config is missing.
        ValueError: If it has no model or no test data.
    """
    rows = measure(args.config, args)
    if args.json:
        write_json(args.json, dict(config=args.config.stem, rows=rows))
    table = Table(args.config.stem, 'frames/s', 'ms per batch')
    for name, row in rows.items():
        table.add_row(
            name,
            f'{row["frames_per_second"]:.1f}',
            f'{1000 * row["seconds_per_batch"]:.1f}',
        )
    Console(width=100).print(table)


if __name__ == '__main__':
    main()

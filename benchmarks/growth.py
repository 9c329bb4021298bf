"""Growth of time and memory with frames, their size, and clips in a batch.

    python -m benchmarks.growth [CONFIG ...] [--json FILE] [--plot FILE.png]

Each network segments random clips of 1 to 20 frames, clips of five frames of
224 x 224 to 768 x 768, and batches of one to four clips, at the size of its
config where this does not vary. The CPU time is that of one call after one on
a single frame; the memory is what this call adds to a process that has built
the network. Each network runs in a process of its own. Without CONFIG, the
four systems at full size; with ``--from FILE`` only the plot is drawn.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmavs.apis.flops import random_inputs
from mmavs.atomic_file import write_json
from mmavs.config_file import read_config

from benchmarks.command_line import make_parser, parse_and_run
from benchmarks.growth_plot import write_plot
from benchmarks.machine import describe_machine
from benchmarks.memory import added_memory, last_line_of_new_process
from benchmarks.system_costs import NUM_FRAMES, Segmenter, build_segmenter

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
FULL_SIZE = (
    'aavs/aavs_swin-b_1xb1-60e_s4-384x384.py',
    'avsegformer/avsegformer_r50_1xb2-30e_s4-512x512.py',
    'ease/ease_vit-b_2xb12-36e_s4-224x224.py',
    'tpavi/tpavi_r50_1xb4-15e_s4-224x224.py',
)
#: Name of a series and what varies in it.
SERIES: dict[str, Sequence[int]] = {
    'frames': (1, 5, 10, 20),
    'size': (224, 384, 512, 768),
    'clips': (1, 2, 4),
}


def measure(config: Path, series: dict[str, Sequence[int]]) -> dict[str, Any]:
    """Measure all points of a network in this process.

    Args:
        config (Path): Config of an audio-visual segmentor.
        series (dict[str, Sequence[int]]): As ``SERIES``.

    Returns:
        dict[str, Any]: ``size`` of the config and ``series``: by name a list
        of points with ``value``, ``cpu_seconds`` and ``peak_memory_bytes``.
    """
    segmenter = build_segmenter(config, 'cpu')
    segmenter(1)  # loads libraries
    own_size = segmenter.clip['frames'].shape[-1]
    cfg = read_config(config)
    known: dict[tuple[int, int, int], dict[str, Any]] = {}

    def point(frames: int, size: int, clips: int) -> dict[str, Any]:
        key = frames, size, clips
        if key not in known:
            clip = random_inputs(cfg, frames, shape=(size, size))
            known[key] = _measure_point(segmenter, clip, clips)
        return known[key]

    usual = dict(frames=NUM_FRAMES, size=own_size, clips=1)
    return dict(
        size=own_size,
        series={
            name: [
                dict(value=value, **point(**{**usual, name: value}))
                for value in values
            ]
            for name, values in series.items()
        },
    )


@torch.no_grad()
def _measure_point(
    segmenter: Segmenter, clip: dict[str, Any], clips: int
) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        name: torch.cat([rows] * clips)
        for name, rows in clip.items()
        if name != 'num_frames'
    }
    inputs['num_frames'] = clip['num_frames'] * clips
    seconds = 0.0

    def run() -> None:
        nonlocal seconds
        start = time.process_time()
        segmenter.model.predict(inputs)
        seconds = time.process_time() - start

    memory = added_memory(run, calls=1)
    return dict(cpu_seconds=seconds, peak_memory_bytes=memory)


def main() -> None:
    """Measure, and write JSON and plot if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('configs', nargs='*', type=Path, metavar='CONFIG')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--plot', type=Path, metavar='FILE.png')
    parser.add_argument(
        '--from',
        dest='source',
        type=Path,
        metavar='FILE',
        help='measure nothing, take what --json wrote',
    )
    parser.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    parse_and_run(parser, run)


def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If a config or the source is missing.
        ValueError: If a config has no model or no test data.
    """
    torch.set_num_threads(args.threads)
    if args.child:
        (config,) = args.configs
        # One line, which the parent process reads.
        print(json.dumps(measure(config, SERIES)))
        return
    if args.source is not None:
        report = json.loads(args.source.read_text('utf-8'))
    else:
        configs = args.configs or [CONFIGS / name for name in FULL_SIZE]
        for config in configs:
            read_config(config)
        report = dict(machine=describe_machine(), systems={})
        for config in configs:
            text = last_line_of_new_process(
                'benchmarks.growth',
                *(config.resolve(), '--child', '--threads', args.threads),
            )
            report['systems'][config.stem] = json.loads(text)
            print(f'{config.stem}: done', flush=True)
    if args.json:
        write_json(args.json, report)
    if args.plot:
        write_plot(report, args.plot)


if __name__ == '__main__':
    main()

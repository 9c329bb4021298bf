"""Time Swin's attention in windows beside that of mmdet.

    python -m benchmarks.window_attention [--rounds 5] [--json FILE]

The four stages of Swin-B on five frames of 384 x 384, one block with shifted
windows of 12 x 12 each, without gradients, with equal weights, in turns.
"""

from __future__ import annotations

import argparse
import copy
import functools
from pathlib import Path
from typing import Any

import torch
from mmavs.atomic_file import write_json
from mmavs.models.layers import use_fused_window_attention
from mmdet.models.backbones.swin import ShiftWindowMSA
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.timing import time_in_turns

NUM_FRAMES, WINDOW = 5, 12
#: Height and width of the map, channels, heads.
STAGES = ((96, 128, 4), (48, 256, 8), (24, 512, 16), (12, 1024, 32))


def measure(
    size: int, channels: int, heads: int, rounds: int
) -> dict[str, Any]:
    """Time the attention of a stage.

    Args:
        size (int): Height and width of the map.
        channels (int): Its channels.
        heads (int): Number of heads.
        rounds (int): Calls of each, after one to warm up.

    Returns:
        dict[str, Any]: The arguments, ``cpu_ms`` by name and
        ``max_difference``.
    """
    torch.manual_seed(0)
    theirs = ShiftWindowMSA(
        channels, heads, WINDOW, shift_size=WINDOW // 2
    ).eval()
    ours = copy.deepcopy(theirs)
    use_fused_window_attention(ours)
    x = torch.randn(NUM_FRAMES, size * size, channels)
    runners = {
        name: functools.partial(module, x, (size, size))
        for name, module in (('mmdet', theirs), ('mmavs', ours))
    }
    with torch.no_grad():
        timings = time_in_turns(runners, rounds)
        difference = (runners['mmavs']() - runners['mmdet']()).abs().max()
    return dict(
        size=size,
        channels=channels,
        heads=heads,
        cpu_ms={name: 1e3 * t.cpu for name, t in timings.items()},
        max_difference=difference.item(),
    )


def make_table(stages: list[dict[str, Any]]) -> Table:
    """Lay the results out.

    Args:
        stages (list[dict[str, Any]]): From :func:`measure`.

    Returns:
        Table: One line per stage.
    """
    table = Table('map', 'channels', 'heads', 'mmdet (ms)', 'mmavs (ms)')
    for row in stages:
        table.add_row(
            f'{row["size"]} x {row["size"]}',
            str(row['channels']),
            str(row['heads']),
            f'{row["cpu_ms"]["mmdet"]:.0f}',
            f'{row["cpu_ms"]["mmavs"]:.0f}',
        )
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--json', type=Path, metavar='FILE')
    args = parser.parse_args()
    torch.set_num_threads(1)
    stages = [measure(*stage, args.rounds) for stage in STAGES]
    if args.json:
        report = dict(
            machine=describe_machine(), rounds=args.rounds, stages=stages
        )
        write_json(args.json, report)
    Console(width=100).print(make_table(stages))


if __name__ == '__main__':
    main()

"""The tables that ``benchmarks.compare_systems`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmavs.evaluation.seeds import summarise
from rich.box import ASCII
from rich.console import Console
from rich.table import Table

NOTE = 'synthetic clips, not AVSBench'


def summarise_runs(
    runs: Sequence[Mapping], protocol: str
) -> dict[str, dict[str, Any]]:
    """Compute mean and spread over the seeds.

    Args:
        runs (Sequence[Mapping]): One run per seed, with ``metrics``.
        protocol (str): Protocol of the metrics.

    Returns:
        dict[str, dict[str, Any]]: ``mIoU`` and ``F`` with the clips' own
        sound and ``mIoU_exchanged`` with that of the next clip, from
        :func:`~mmavs.evaluation.seeds.summarise`.
    """
    return {
        name: summarise([run[test][f'{protocol}/{metric}'] for run in runs])
        for name, test, metric in (
            ('mIoU', 'metrics', 'mIoU'),
            ('F', 'metrics', 'F'),
            ('mIoU_exchanged', 'metrics_exchanged', 'mIoU'),
        )
    }


def print_tables(report: Mapping[str, Any]) -> None:
    """Print one table per task.

    Args:
        report (Mapping[str, Any]): From :func:`compare`.
    """
    console = Console(width=120)
    for task, facts in report['tasks'].items():
        table = Table(
            box=ASCII,
            title=(
                f'{task}, {NOTE}: protocol {facts["protocol"]}, '
                f'{facts["num_steps"]} steps, seeds {report["seeds"]}'
            ),
            caption=(
                f'{report["device"]}, {report["threads"]} threads, torch '
                f'{report["torch"]}; ± is the standard deviation over seeds'
            ),
        )
        table.add_column('system', no_wrap=True)
        for title in (
            'mIoU', 'F', 'mIoU,\nexchanged\nsound', 'parameters',
            'GFLOPs\nper frame', 'frames\nper second',
            'memory\nper clip\n(MB)',
        ):  # fmt: skip
            table.add_column(title, justify='right', no_wrap=True)
        for system, row in facts['systems'].items():
            table.add_row(system, *_cells(row))
        if facts['sound_blind_miou'] is not None:
            bound = f'{facts["sound_blind_miou"]:.3f}'
            table.add_row('sound-blind guess', bound)
        console.print(table)


def _cells(row: Mapping[str, Any]) -> list[str]:
    """Format one system's figures."""
    scores = []
    for name in ('mIoU', 'F', 'mIoU_exchanged'):
        mean, std = row[name]['mean'], row[name]['spread']
        spread = '' if std is None else f' ± {std:.3f}'
        scores.append(f'{mean:.3f}{spread}')
    memory = row['peak_memory_bytes']
    return [
        *scores,
        f'{row["parameters"] / 1e6:.2f} M',
        f'{row["gflops_per_frame"]:.3f}',
        f'{row["frames_per_second"]:.1f}',
        'unknown' if memory is None else f'{memory / 1e6:.1f}',
    ]

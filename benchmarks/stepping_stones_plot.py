"""The plot of ``benchmarks.stepping_stones``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.figures import write_figure
from benchmarks.stepping_stones_report import CLASSES
from benchmarks.stepping_stones_rows import ORACLE

_COLOURS = {False: 'tab:blue', True: 'tab:orange'}


def draw(report: Mapping[str, Any]) -> Figure:
    """Draw mean, standard deviation and the values of all seeds.

    Args:
        report (Mapping[str, Any]): From
            :func:`~benchmarks.stepping_stones_report.make_report`.

    Returns:
        Figure: One line per model; a second colour shows the same model with
        the true masks as prior.
    """
    rows = [row for row in report['rows'] if CLASSES in row['metrics']]
    names = [r['row'] for r in rows if not r['row'].endswith(ORACLE)]
    figure = Figure(figsize=(8, 1.5 + 0.4 * len(names)), layout='constrained')
    axes = figure.add_subplot()
    for row in rows:
        is_oracle = row['row'].endswith(ORACLE)
        place = names.index(row['row'].removesuffix(ORACLE))
        summary = row['metrics'][CLASSES]
        height = place + (0.15 if is_oracle else -0.15)
        colour = _COLOURS[is_oracle]
        axes.errorbar(
            100 * summary['mean'],
            height,
            xerr=100 * (summary['spread'] or 0),
            fmt='D',
            markersize=5,
            capsize=3,
            color=colour,
        )
        axes.plot(
            [100 * value for value in summary['values']],
            [height] * len(summary['values']),
            'o',
            markersize=4,
            alpha=0.45,
            color=colour,
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel('mIoU in percent (dataset), synthetic clips')
    axes.set_title(
        f'{report["system"]}, regime {report["regime"]}: mean and standard '
        'deviation; points: seeds\nblue: predicted or no prior, orange: true '
        'masks as prior',
        fontsize=9,
    )
    axes.grid(axis='x', alpha=0.3)
    return figure


def write_plot(report: Mapping[str, Any], path: Path) -> None:
    """Write the plot.

    Args:
        report (Mapping[str, Any]): See :func:`draw`.
        path (Path): PNG file, replaced atomically.
    """
    write_figure(draw(report), path)

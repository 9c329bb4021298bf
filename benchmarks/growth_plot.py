"""The plot of ``benchmarks.growth``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.figures import write_figure

_TITLES = dict(
    frames='frames of a clip', size='height and width', clips='clips'
)
_ROWS = (
    ('cpu_seconds', 1.0, 'CPU time (s)'),
    ('peak_memory_bytes', 2.0**20, 'added memory (MiB)'),
)


def draw(report: Mapping[str, Any]) -> Figure:
    """Draw time and memory against all that varies, on logarithmic axes.

    A thin line of slope one, and of slope two for the size, shows what grows
    with the number of pixels.

    Args:
        report (Mapping[str, Any]): From ``benchmarks.growth``.

    Returns:
        Figure: Two rows, time and memory, and one column for each series.
    """
    systems = report['systems']
    series = next(iter(systems.values()))['series']
    figure = Figure(figsize=(3.4 * len(series), 6), layout='constrained')
    grid = figure.subplots(
        len(_ROWS), len(series), sharex='col', sharey='row', squeeze=False
    )
    for axes_of_row, (key, unit, label) in zip(grid, _ROWS, strict=True):
        axes_of_row[0].set_ylabel(label)
        for axes, name in zip(axes_of_row, series, strict=True):
            for config, result in systems.items():
                points = [
                    (point['value'], point[key] / unit)
                    for point in result['series'][name]
                    if point[key] is not None
                ]
                axes.plot(
                    *zip(*points, strict=True),
                    marker='o',
                    markersize=4,
                    label=_legend(config, result['size']),
                )
            _add_slope(axes, series[name], 2 if name == 'size' else 1)
            axes.set_xscale('log', base=2)
            axes.set_yscale('log')
            values = [point['value'] for point in series[name]]
            axes.set_xticks(values, [str(value) for value in values])
            axes.grid(alpha=0.3)
    for axes, name in zip(grid[-1], series, strict=True):
        axes.set_xlabel(_TITLES[name])
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc='outside upper center', ncols=3, fontsize=9
    )
    return figure


def _legend(config: str, size: int) -> str:
    system, backbone = config.split('_')[:2]
    return f'{system}, {backbone}, {size} x {size}'


def _add_slope(axes: Any, points: list[dict[str, Any]], exponent: int) -> None:
    """Draw what is proportional to the number of pixels."""
    values = [point['value'] for point in points]
    lowest = min(line.get_ydata()[0] for line in axes.get_lines())
    axes.plot(
        values,
        [lowest * (value / values[0]) ** exponent / 2 for value in values],
        color='0.5',
        linewidth=1,
        linestyle='--',
        label='proportional to the pixels',
    )


def write_plot(report: Mapping[str, Any], path: Path) -> None:
    """Write the plot.

    Args:
        report (Mapping[str, Any]): See :func:`draw`.
        path (Path): PNG file, replaced atomically.
    """
    write_figure(draw(report), path)

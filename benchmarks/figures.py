"""Write the plots of the benchmarks."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mmavs.atomic_file import atomic_path


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure.

    Args:
        figure (Figure): The plot.
        path (Path): PNG file, replaced atomically.
    """
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format='png', dpi=120)

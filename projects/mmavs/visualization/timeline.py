"""Summary picture of a video: thumbnails, sound, and what sounds when."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmavs.atomic_file import atomic_path

from .panels import TEXT_COLOUR

_WIDTH_INCHES = 12.0
_MEL_INCHES = 1.4
_BAR_INCHES = 0.3
#: Space left of and right of the panels, above and below them.
_LEFT_INCHES, _RIGHT_INCHES = 1.5, 0.3
_TOP_INCHES, _BOTTOM_INCHES, _GAP_INCHES = 0.5, 0.55, 0.15
_DPI = 110


@dataclass
class Bar:
    """A row of the timeline: when a class sounds.

    Attributes:
        name (str): The class.
        colour (Sequence[int]): RGB, 0..255.
        spans (Sequence[tuple[float, float]]): Pairs of seconds.
    """

    name: str
    colour: Sequence[int]
    spans: Sequence[tuple[float, float]]


@dataclass
class Timeline:
    """Contents of the summary picture of a video.

    Attributes:
        title (str): Names the video.
        duration (float): Seconds.
        thumbnails (Sequence[np.ndarray]): Images (h, w, 3) uint8 RGB of one
            size, from parts of the video of equal length, in order.
        log_mel (np.ndarray): (F, M) log-mel of the whole sound.
        bars (Sequence[Bar]): Classes that sound.
    """

    title: str
    duration: float
    thumbnails: Sequence[np.ndarray]
    log_mel: np.ndarray
    bars: Sequence[Bar]


def draw_timeline(
    timeline: Timeline, out_file: str | os.PathLike[str]
) -> None:
    """Write a summary picture.

    Rows, on one time axis: thumbnails, log-mel, and a bar for each class.

    Args:
        timeline (Timeline): The contents.
        out_file (str | os.PathLike[str]): PNG file, replaced atomically.
    """
    figure = _build_figure(timeline)
    FigureCanvasAgg(figure)
    with atomic_path(out_file) as temporary:
        figure.savefig(temporary, dpi=_DPI, facecolor='white')


def _build_figure(timeline: Timeline) -> Figure:
    height, width = timeline.thumbnails[0].shape[:2]
    panel_inches = _WIDTH_INCHES - _LEFT_INCHES - _RIGHT_INCHES
    image_inches = panel_inches / len(timeline.thumbnails) * height / width
    rows = [image_inches, _MEL_INCHES]
    rows.append(_BAR_INCHES * max(len(timeline.bars), 1))
    gaps = _GAP_INCHES * (len(rows) - 1)
    total = sum(rows) + gaps + _TOP_INCHES + _BOTTOM_INCHES
    figure = Figure(figsize=(_WIDTH_INCHES, total))
    figure.suptitle(
        timeline.title, x=0.5, y=1 - 0.12 / total, va='top', fontsize=12,
        fontweight='bold', color=TEXT_COLOUR,
    )  # fmt: skip
    axes = []
    top = total - _TOP_INCHES
    for row in rows:
        axes.append(
            figure.add_axes(
                (
                    _LEFT_INCHES / _WIDTH_INCHES,
                    (top - row) / total,
                    panel_inches / _WIDTH_INCHES,
                    row / total,
                )
            )
        )
        top -= row + _GAP_INCHES
    _draw_thumbnails(axes[0], timeline)
    _draw_log_mel(axes[1], timeline)
    _draw_bars(axes[2], timeline)
    for panel in axes:
        panel.set_xlim(0, timeline.duration)
        panel.tick_params(labelsize=8, colors=TEXT_COLOUR)
        for spine in panel.spines.values():
            spine.set_visible(False)
    return figure


def _draw_thumbnails(axes: Axes, timeline: Timeline) -> None:
    strip = np.concatenate(list(timeline.thumbnails), axis=1)
    axes.imshow(strip, aspect='auto', extent=(0, timeline.duration, 0, 1))
    axes.set_xticks([])
    axes.set_yticks([])
    _label(axes, 'video')


def _draw_log_mel(axes: Axes, timeline: Timeline) -> None:
    axes.imshow(
        timeline.log_mel.T,
        aspect='auto',
        origin='lower',
        cmap='magma',
        extent=(0, timeline.duration, 0, timeline.log_mel.shape[1]),
    )
    axes.set_xticks([])
    axes.set_yticks([])
    _label(axes, 'log-mel')


def _draw_bars(axes: Axes, timeline: Timeline) -> None:
    for row, bar in enumerate(timeline.bars):
        axes.broken_barh(
            [(start, end - start) for start, end in bar.spans],
            (-row - 0.4, 0.8),
            facecolors='#' + bytes(bar.colour).hex(),
        )
        axes.axhline(-row, color='#dddddd', linewidth=0.6, zorder=0)
    names = [bar.name for bar in timeline.bars] or ['nothing sounds']
    axes.set_yticks([-row for row in range(len(names))], names)
    axes.set_ylim(0.5 - len(names), 0.5)
    axes.set_xlabel('seconds', fontsize=8, color=TEXT_COLOUR)


def _label(axes: Axes, text: str) -> None:
    axes.set_ylabel(
        text, fontsize=8, rotation=0, ha='right', va='center', labelpad=8,
        color=TEXT_COLOUR,
    )  # fmt: skip

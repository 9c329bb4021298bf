"""Figures of a page of results: IoU in intervals, confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .panels import TEXT_COLOUR

_BAR_COLOUR = '#3b7dd8'
_CELL_INCHES = 0.19
#: Up to this number of classes the cells of the matrix show their value.
_MAX_PRINTED_CLASSES = 16


def interval_figure(
    title: str,
    labels: Sequence[str],
    counts: Sequence[int],
    means: Sequence[float],
    quartiles: Sequence[tuple[float, float]],
) -> Figure:
    """Draw the mean IoU in intervals of another value as bars.

    A line from the lower to the upper quartile shows the spread; intervals
    without objects have no bar.

    Args:
        title (str): What the intervals divide, with its unit.
        labels (Sequence[str]): b names of intervals.
        counts (Sequence[int]): Objects in each.
        means (Sequence[float]): Mean IoU in each, NaN if it is empty.
        quartiles (Sequence[tuple[float, float]]): 25 % and 75 % in each.

    Returns:
        Figure: Not drawn yet.
    """
    figure = Figure(figsize=(6.4, 3.2), layout='constrained')
    axes = figure.subplots()
    places = list(range(len(labels)))
    axes.bar(places, np.nan_to_num(means), color=_BAR_COLOUR, width=0.7)
    for place, count, (low, high) in zip(
        places, counts, quartiles, strict=True
    ):
        if count:
            axes.plot([place, place], [low, high], color=TEXT_COLOUR, lw=1.2)
        axes.text(
            place, 1.02, f'{count}', ha='center', fontsize=8,
            color=TEXT_COLOUR,
        )  # fmt: skip
    axes.set_xticks(places, labels, fontsize=8 if len(labels) < 8 else 7)
    axes.set_ylim(0, 1.1)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel(f'{title} (above: number of objects)', fontsize=9)
    axes.set_ylabel('IoU: mean, quartiles', fontsize=9)
    axes.spines[['top', 'right']].set_visible(False)
    return figure


def confusion_figure(confusion: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a confusion matrix, each row divided by its sum.

    Classes that are in no label and no prediction are left out.

    Args:
        confusion (np.ndarray): (K, K) pixels, true class by predicted class.
        classes (Sequence[str]): K names.

    Returns:
        Figure: Not drawn yet.
    """
    kept = np.flatnonzero(confusion.sum(0) + confusion.sum(1))
    part = confusion[np.ix_(kept, kept)]
    share = part / np.maximum(part.sum(1, keepdims=True), 1)
    prints = len(kept) <= _MAX_PRINTED_CLASSES
    inches = len(kept) * _CELL_INCHES * (2.2 if prints else 1)
    figure = Figure(figsize=(inches + 2.4, inches + 1.6), layout='constrained')
    axes = figure.subplots()
    drawn = axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    names = [classes[index] for index in kept]
    size = 8 if prints else 7
    axes.set_xticks(range(len(kept)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(kept)), names, fontsize=size)
    axes.set_xlabel('predicted', fontsize=9)
    axes.set_ylabel('true', fontsize=9)
    if prints:
        for row, column in np.ndindex(share.shape):
            value = share[row, column]
            axes.text(
                column, row, f'{value:.2f}'.lstrip('0') if value else '0',
                ha='center', va='center', fontsize=7,
                color='white' if value > 0.5 else TEXT_COLOUR,
            )  # fmt: skip
    bar = figure.colorbar(drawn, ax=axes, shrink=0.6)
    bar.set_label('share of the true pixels', fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure

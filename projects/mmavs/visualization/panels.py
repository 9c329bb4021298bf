"""Rows of panels of a contact sheet: images and audio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mmavs.structures import AudioPicture, AudioSpan

TEXT_COLOUR = '#222222'
_WAVEFORM_COLOUR = '#5b3a8c'
#: Columns of a waveform panel, about its width in pixels.
_WAVEFORM_COLUMNS = 200


def draw_images(
    axes_row: Sequence[Axes],
    label: str,
    images: Sequence[np.ndarray],
    captions: Sequence[str],
) -> None:
    """Draw one row of images, with the row's name at its left.

    Args:
        axes_row (Sequence[Axes]): T axes.
        label (str): Name of the row.
        images (Sequence[np.ndarray]): T images (H, W, 3) uint8 RGB.
        captions (Sequence[str]): T texts above the images.
    """
    for axes, image, caption in zip(axes_row, images, captions, strict=True):
        axes.imshow(image, aspect='auto', interpolation='bilinear')
        axes.set_title(caption, fontsize=8, pad=2.5, color=TEXT_COLOUR)
        _strip(axes)
    _label_row(axes_row[0], label)


def draw_audio(
    axes_row: Sequence[Axes],
    picture: AudioPicture,
    spans: Sequence[AudioSpan],
) -> None:
    """Draw the audio of each frame and the seconds that it covers.

    All panels of a clip share one scale. The captions mark rows that repeat
    the previous row and rows without sound.

    Args:
        axes_row (Sequence[Axes]): T axes.
        picture (AudioPicture): T panels.
        spans (Sequence[AudioSpan]): T pairs of seconds, or None.
    """
    low, high = float(picture.panels.min()), float(picture.panels.max())
    for index, axes in enumerate(axes_row):
        if picture.kind == 'image':
            axes.imshow(
                picture.panels[index],
                aspect='auto',
                origin='lower',
                cmap='magma',
                vmin=low,
                vmax=high,
                interpolation='nearest',
            )
        else:
            _draw_waveform(axes, picture.panels[index], max(-low, high))
        caption = span_caption(spans, index)
        axes.set_xlabel(caption, fontsize=8, color=TEXT_COLOUR)
        _strip(axes)
    _label_row(axes_row[0], picture.label)


def span_caption(spans: Sequence[AudioSpan], index: int) -> str:
    """Describe which seconds one row of audio covers.

    Args:
        spans (Sequence[AudioSpan]): T pairs of seconds, or None.
        index (int): The row.

    Returns:
        str: Such as ``'5.76 to 6.735 s'``, ``'repeats 2.88 to 3.855 s'`` or
        ``'no sound (padding)'``.
    """
    span = spans[index]
    if span is None:
        return 'no sound (padding)'
    start, end = (f'{s:.3f}'.rstrip('0').rstrip('.') for s in span)
    is_repeated = index > 0 and spans[index - 1] == span
    return f'{"repeats " if is_repeated else ""}{start} to {end} s'


def _draw_waveform(axes: Axes, samples: np.ndarray, limit: float) -> None:
    """Fill each channel (C, S) between its extremes, channels stacked."""
    num_channels, num_samples = samples.shape
    columns = np.array_split(
        np.arange(num_samples), min(num_samples, _WAVEFORM_COLUMNS)
    )
    starts = [column[0] for column in columns]
    scale = 0.45 / limit if limit > 0 else 0.0
    for channel, values in enumerate(samples):
        centre = num_channels - 1 - channel
        axes.fill_between(
            starts,
            centre + scale * np.minimum.reduceat(values, starts),
            centre + scale * np.maximum.reduceat(values, starts),
            color=_WAVEFORM_COLOUR,
            linewidth=0.6,
        )
    axes.set_xlim(0, max(starts[-1], 1))
    axes.set_ylim(-0.5, num_channels - 0.5)


def _label_row(axes: Axes, label: str) -> None:
    axes.set_ylabel(
        label, fontsize=9, rotation=0, ha='right', va='center',
        labelpad=8, color=TEXT_COLOUR,
    )  # fmt: skip


def _strip(axes: Axes) -> None:
    """Remove ticks and frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)

"""Contact sheet of a clip: frames, truth, prediction and audio."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from mmavs.atomic_file import atomic_path
from mmavs.structures import AudioPicture, AudioSpan

from .panels import TEXT_COLOUR, draw_audio, draw_images

_BLACK = (0, 0, 0)
_EDGE_RGB = (255, 255, 255)
#: Binary masks: one colour for the truth, another for the prediction.
_TRUTH_PALETTE = (_BLACK, (46, 204, 113))
_PREDICTION_PALETTE = (_BLACK, (255, 127, 14))
_OVERLAY_ALPHA = 0.55
_OUTSIDE_BRIGHTNESS = 0.7
#: Weight of the heat's colour where it is 0 and 1.
_MIN_HEAT_ALPHA, _MAX_HEAT_ALPHA = 0.2, 0.85
_PANEL_INCHES = 1.7
_AUDIO_INCHES = 0.9
_LEGEND_INCHES = 0.24
_LEGEND_ENTRY_INCHES = 1.5
_DPI = 110


@dataclass
class ClipPicture:
    """Contents of the contact sheet of one clip of T frames.

    Attributes:
        title (str): Names the clip.
        frames (np.ndarray): (T, H, W, 3) uint8 RGB.
        prediction (np.ndarray | None): (T, h, w) class ids, 0 is background;
            may be bool for a binary mask. None draws no prediction.
        audio (AudioPicture | None): T panels; None draws no audio.
        audio_spans (Sequence[AudioSpan] | None): T pairs of seconds: the
            sound that each panel covers; None only if ``audio`` is None.
        truth (np.ndarray | None): As prediction; None without labels.
        prior (np.ndarray | None): (T, h, w) in [0, 1], the masks that stage
            two gets; None draws none.
        frame_iou (Sequence[float] | None): T values in [0, 1]; None without
            labels.
        attention (Mapping[str, np.ndarray] | None): By name of a row: (T, h,
            w) numbers from 0, drawn as heat on the frames, on a scale of its
            own for each row; None draws none.
        classes (Sequence[str] | None): K names, for a legend of those in
            prediction or truth; None for binary masks.
        palette (Sequence[Sequence[int]] | None): K RGB colours, 0..255; None
            for binary masks.
    """

    title: str
    frames: np.ndarray
    prediction: np.ndarray | None = None
    audio: AudioPicture | None = None
    audio_spans: Sequence[AudioSpan] | None = None
    truth: np.ndarray | None = None
    prior: np.ndarray | None = None
    frame_iou: Sequence[float] | None = None
    attention: Mapping[str, np.ndarray] | None = None
    classes: Sequence[str] | None = None
    palette: Sequence[Sequence[int]] | None = None

    def __post_init__(self) -> None:
        """Raise unless all parts have the same number of frames."""
        parts = {
            'frames': self.frames,
            'prediction': self.prediction,
            'audio': self.audio,
            'audio_spans': self.audio_spans,
            'truth': self.truth,
            'prior': self.prior,
            'frame_iou': self.frame_iou,
            **(self.attention or {}),
        }
        counts = {
            name: len(part) for name, part in parts.items() if part is not None
        }
        if len(set(counts.values())) != 1 or not counts['frames']:
            raise ValueError(
                'every part of a contact sheet must have the same number of '
                f'frames, got {counts} for {self.title!r}.'
            )
        if (self.audio is None) != (self.audio_spans is None):
            raise ValueError(
                'audio and audio_spans must be given together, for '
                f'{self.title!r}.'
            )


def draw_contact_sheet(
    picture: ClipPicture, out_file: str | os.PathLike[str]
) -> None:
    """Write a contact sheet with one column per frame.

    Rows: frame; truth, prior and prediction (if given); and the frame's audio
    (if given) with the seconds that it covers. Below them is a legend of the
    classes shown.

    Args:
        picture (ClipPicture): The clip.
        out_file (str | os.PathLike[str]): PNG file, replaced atomically.
    """
    figure = _build_figure(picture)
    FigureCanvasAgg(figure)
    with atomic_path(out_file) as temporary:
        figure.savefig(temporary, dpi=_DPI, facecolor='white')


def render_contact_sheet(picture: ClipPicture) -> np.ndarray:
    """Draw a contact sheet, see :func:`draw_contact_sheet`.

    Args:
        picture (ClipPicture): The clip.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    figure = _build_figure(picture)
    figure.set_dpi(_DPI)
    figure.set_facecolor('white')
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def overlay_mask(
    frame: np.ndarray, mask: np.ndarray, palette: Sequence[Sequence[int]]
) -> np.ndarray:
    """Tint the masked pixels of a frame and turn the others to dark grey.

    With more than two classes, white lines separate them.

    Args:
        frame (np.ndarray): (H, W, 3) uint8 RGB.
        mask (np.ndarray): (h, w) class ids, at most 255; scaled to the frame
            by nearest pixel. Class 0 is not masked.
        palette (Sequence[Sequence[int]]): RGB of each class, 0..255.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    height, width = frame.shape[:2]
    resized = Image.fromarray(mask.astype(np.uint8)).resize(
        (width, height), Image.Resampling.NEAREST
    )
    ids = np.asarray(resized)
    inside = ids[..., None] > 0
    tint = np.asarray(palette, dtype=np.float32)[ids]
    pixels = frame.astype(np.float32)
    tinted = (1 - _OVERLAY_ALPHA) * pixels + _OVERLAY_ALPHA * tint
    grey = _OUTSIDE_BRIGHTNESS * pixels.mean(-1, keepdims=True)
    drawn = np.where(inside, tinted, grey)
    # A grey palette colour is hardly visible as a tint, so draw edges.
    if len(palette) > 2:
        drawn[_edges(ids)] = _EDGE_RGB
    return drawn.round().astype(np.uint8)


def overlay_heat(frame: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Colour a grey copy of a frame by a map of heat.

    Args:
        frame (np.ndarray): (H, W, 3) uint8 RGB.
        heat (np.ndarray): (h, w) in [0, 1], scaled to the frame.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    height, width = frame.shape[:2]
    resized = Image.fromarray(heat.astype(np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    values = np.asarray(resized)[..., None]
    colours = 255 * colormaps['inferno'](values[..., 0])[..., :3]
    grey = _OUTSIDE_BRIGHTNESS * frame.mean(-1, keepdims=True)
    # Cold pixels keep the grey frame, so that objects stay visible.
    weight = _MIN_HEAT_ALPHA + (_MAX_HEAT_ALPHA - _MIN_HEAT_ALPHA) * values
    drawn = (1 - weight) * grey + weight * colours
    return drawn.round().astype(np.uint8)


def _edges(ids: np.ndarray) -> np.ndarray:
    """Pixels (H, W) whose class differs from the pixel right or below."""
    edges = np.zeros(ids.shape, dtype=bool)
    edges[:, :-1] = ids[:, 1:] != ids[:, :-1]
    edges[:-1] |= ids[1:] != ids[:-1]
    return edges


def _build_figure(picture: ClipPicture) -> Figure:
    """Lay out the panels and return the figure, which is not drawn yet."""
    rows = _image_rows(picture)
    num_frames = len(picture.frames)
    height, width = picture.frames.shape[1:3]
    panel_height = _PANEL_INCHES * height / width
    row_inches = [panel_height] * len(rows)
    if picture.audio is not None:
        row_inches.append(_AUDIO_INCHES)
    columns_inches = num_frames * _PANEL_INCHES
    # The title of a sheet of few columns needs a minimum width.
    sheet_width = max(columns_inches, 5.0) + 1.2
    entries = _legend_entries(picture)
    num_columns = max(1, int(sheet_width / _LEGEND_ENTRY_INCHES))
    legend_inches = _LEGEND_INCHES * math.ceil(len(entries) / num_columns)
    size = (
        sheet_width,
        sum(row_inches) + 0.25 * len(rows) + 1.0 + legend_inches,
    )
    figure = Figure(figsize=size)
    figure.suptitle(
        picture.title, x=0.5, y=1 - 0.14 / size[1], va='top', fontsize=12,
        fontweight='bold', color=TEXT_COLOUR,
    )  # fmt: skip
    grid = figure.subplots(
        len(row_inches),
        num_frames,
        squeeze=False,
        gridspec_kw={
            'height_ratios': row_inches,
            'left': 1.0 / size[0],
            'right': (1.0 + columns_inches) / size[0],
            'top': 1 - 0.68 / size[1],
            'bottom': (0.42 + legend_inches) / size[1],
            'wspace': 0.05,
            'hspace': 0.16,
        },
    )
    for axes_row, (label, images, captions) in zip(grid, rows, strict=False):
        draw_images(axes_row, label, images, captions)
    if picture.audio is not None and picture.audio_spans is not None:
        draw_audio(grid[-1], picture.audio, picture.audio_spans)
    if entries:
        figure.legend(
            handles=entries, loc='lower center', ncols=num_columns,
            fontsize=8, frameon=False, borderaxespad=0.2,
            labelcolor=TEXT_COLOUR,
        )  # fmt: skip
    return figure


def _legend_entries(picture: ClipPicture) -> list[Patch]:
    """A patch with colour and name for each class that is shown."""
    if picture.classes is None or picture.palette is None:
        return []
    masks = [
        mask.ravel()
        for mask in (picture.prediction, picture.truth)
        if mask is not None
    ]
    shown = np.unique(np.concatenate([np.zeros(1, int), *masks]))
    return [
        Patch(
            color=_as_hex(picture.palette[index]),
            label=picture.classes[index],
        )
        for index in shown
        if index > 0
    ]


def _as_hex(colour: Sequence[int]) -> str:
    """RGB, 0..255 -> matplotlib's '#rrggbb'."""
    return '#' + bytes(colour).hex()


def _image_rows(
    picture: ClipPicture,
) -> list[tuple[str, list[np.ndarray], list[str]]]:
    """Label, T images and T captions of each row of images."""
    num_frames = len(picture.frames)
    seconds = [f'frame {t}' for t in range(num_frames)]
    rows = [('frame', list(picture.frames), seconds)]
    if picture.truth is not None:
        images = _overlays(picture, picture.truth, _TRUTH_PALETTE)
        captions = ['' if mask.any() else 'silent' for mask in picture.truth]
        rows.append(('truth', images, captions))
    if picture.prior is not None:
        # Where there is no prior it is -1, which is shown as 0.
        grey = (255 * picture.prior.clip(0)).round().astype(np.uint8)
        rows.append(
            ('prior', list(np.stack([grey] * 3, -1)), [''] * num_frames)
        )
    if picture.prediction is not None:
        images = _overlays(picture, picture.prediction, _PREDICTION_PALETTE)
        captions = [''] * num_frames
        if picture.frame_iou is not None:
            name = 'IoU' if picture.palette is None else 'mIoU'
            captions = [f'{name} {iou:.3f}' for iou in picture.frame_iou]
        rows.append(('prediction', images, captions))
    for name, heat in (picture.attention or {}).items():
        largest = float(heat.max()) or 1.0
        images = [
            overlay_heat(frame, part / largest)
            for frame, part in zip(picture.frames, heat, strict=True)
        ]
        rows.append((name, images, [_share(part) for part in heat]))
    return rows


def _share(heat: np.ndarray) -> str:
    """Caption of a map that does not sum up to 1."""
    share = float(heat.sum())
    return '' if share > 0.995 else f'{share:.0%} on pixels'


def _overlays(
    picture: ClipPicture,
    masks: np.ndarray,
    binary_palette: Sequence[Sequence[int]],
) -> list[np.ndarray]:
    palette = binary_palette if picture.palette is None else picture.palette
    return [
        overlay_mask(frame, mask, palette)
        for frame, mask in zip(picture.frames, masks, strict=True)
    ]

"""Draw masks on the frames of a video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import cv2
import numpy as np
from av.video.frame import VideoFrame

from .canvas import planes, rgb_to_yuv
from .legend import draw_legend
from .mask_times import MaskTimes
from .reading import VideoFacts

#: The shorter side of the video in pixels, per pixel of outline width.
_SIZE_PER_EDGE_WIDTH = 250
#: Weight of a colour that covers the picture completely.
_OPAQUE = 256
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class Painter:
    """Draws on each frame the mask of its time.

    Args:
        facts (VideoFacts): Of the video.
        masks (Iterable[np.ndarray]): See :func:`.write_overlay`.
        times (MaskTimes): Times of the masks.
        palette (Sequence[Sequence[int]]): See :func:`.write_overlay`.
        classes (Sequence[str] | None): See :func:`.write_overlay`.
        alpha (float): See :func:`.write_overlay`.
    """

    def __init__(
        self,
        facts: VideoFacts,
        masks: Iterable[np.ndarray],
        *,
        times: MaskTimes,
        palette: Sequence[Sequence[int]],
        classes: Sequence[str] | None,
        alpha: float,
    ) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f'alpha must be in 0..1, got {alpha}.')
        self.facts = facts
        self._times = times
        self._masks = iter(masks)
        self._palette = np.asarray(palette, np.uint8)
        self._classes = classes
        self._alpha = alpha
        self._index = -1
        self._layers: list[_Layer] = []

    def paint(self, canvas: VideoFrame, time: Fraction) -> None:
        """Draw the mask of a time on a frame.

        Args:
            canvas (VideoFrame): From :func:`.to_canvas`; is changed.
            time (Fraction): When its display begins, in seconds after the
                first frame.
        """
        index = self._times.index_of(time)
        while self._index < index - 1:
            self._take_mask()
        if self._index < index:
            image, weight = self._draw(self._take_mask())
            self._layers = _make_layers(image, weight, canvas)
        for plane, layer in zip(planes(canvas), self._layers, strict=True):
            place = plane[layer.place]
            np.copyto(
                place,
                (place * layer.keep + layer.colour) // _OPAQUE,
                casting='unsafe',
            )

    def _take_mask(self) -> np.ndarray:
        """Take the next mask and check it."""
        self._index += 1
        mask = next(self._masks, None)
        size = (self.facts.height, self.facts.width)
        if mask is None or mask.shape != size:
            got = 'none' if mask is None else f'one of {mask.shape}'
            raise ValueError(
                f'expected {len(self._times)} masks of {size} for '
                f'{self.facts.path}, got {got} for mask {self._index}.'
            )
        if mask.max() >= len(self._palette):
            raise ValueError(
                f'expected a colour for class {mask.max()} of mask '
                f'{self._index}, got a palette of {len(self._palette)} '
                'colours.'
            )
        return mask

    def _draw(self, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw what lies on all frames of a mask.

        Args:
            mask (np.ndarray): (H, W) uint8 class ids.

        Returns:
            tuple[np.ndarray, np.ndarray]: Colours (H, W, 3) uint8 RGB, and
            their weights (H, W) uint16 in 0..256.
        """
        image = self._palette[mask]
        painted = (mask > 0).astype(np.uint8)
        weight = painted * np.uint16(round(self._alpha * _OPAQUE))
        # A red tint alone is hard to see on a red object.
        width = max(1, round(min(mask.shape) / _SIZE_PER_EDGE_WIDTH))
        # Pixels beyond the border count as painted.
        inside = cv2.erode(painted, _CROSS, iterations=width)
        weight[painted > inside] = _OPAQUE
        if self._classes is not None:
            legend = draw_legend(
                mask, classes=self._classes, palette=self._palette.tolist()
            )
            height, length = legend.shape[:2]
            image[:height, :length] = legend
            weight[:height, :length] = _OPAQUE
        return image, weight


class _Layer(NamedTuple):
    """What is drawn on a plane: ``(plane * keep + colour) // 256``.

    Attributes:
        place (tuple[slice, slice]): Rows and columns that are drawn on.
        keep (np.ndarray): Weights of the plane there, uint16 in 0..256.
        colour (np.ndarray): Colours times their weights, plus 128 to round,
            uint16.
    """

    place: tuple[slice, slice]
    keep: np.ndarray
    colour: np.ndarray


def _make_layers(
    image: np.ndarray, weight: np.ndarray, canvas: VideoFrame
) -> list[_Layer]:
    """Convert an image and its weights for the planes of a canvas.

    Where colour has a lower resolution, its weight and its product with the
    weight are means over the pixels that share it.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        weight (np.ndarray): (H, W) uint16 in 0..256.
        canvas (VideoFrame): Has the format and matrix of all frames.

    Returns:
        list[_Layer]: For Y, U and V.
    """
    full = planes(rgb_to_yuv(image, 'yuv444p', int(canvas.colorspace)))
    is_halved = canvas.format.name == 'yuv420p'
    layers = []
    for number, plane in enumerate(full):
        own, product = weight, weight * plane
        if is_halved and number > 0:
            own, product = _halve(own), _halve(product)
        rows = np.flatnonzero(own.any(1))
        columns = np.flatnonzero(own.any(0))
        place = (slice(0, 0), slice(0, 0))
        if len(rows):
            place = (
                slice(rows[0], rows[-1] + 1),
                slice(columns[0], columns[-1] + 1),
            )
        layers.append(
            _Layer(
                place,
                (_OPAQUE - own)[place].astype(np.uint16),
                (product + _OPAQUE // 2)[place].astype(np.uint16),
            )
        )
    return layers


def _halve(values: np.ndarray) -> np.ndarray:
    """Take means of 2 x 2 values; at odd ends, of those that there are."""
    height, width = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2)), mode='edge')
    rows = even[::2].astype(np.uint32) + even[1::2]
    # Rounded up at one half.
    return (rows[:, ::2] + rows[:, 1::2] + 2) // 4

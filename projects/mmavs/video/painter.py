"""Draw masks on the frames of a video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from av.video.frame import VideoFrame
from scipy.ndimage import binary_erosion

from .frames import seconds_in, to_upright_rgb
from .legend import draw_legend
from .mask_times import MaskTimes
from .reading import VideoFacts

#: The shorter side of the video in pixels, per pixel of outline width.
_SIZE_PER_EDGE_WIDTH = 250


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
        self._palette = np.asarray(palette)
        self._classes = classes
        self._alpha = alpha
        self._index = -1
        self._darker = ((1 - alpha) * np.arange(256)).round().astype(np.uint8)

    def paint(self, frame: VideoFrame) -> np.ndarray:
        """Draw the mask on a frame: (H, W, 3) uint8 RGB."""
        index = self._times.index_of(seconds_in(frame, self.facts))
        while self._index < index - 1:
            self._take_mask()
        if self._index < index:
            self._prepare(self._take_mask())
        image = to_upright_rgb(frame, self.facts)
        image[self._painted] = self._darker[image[self._painted]] + self._tint
        image[self._edge] = self._edge_colours
        height, width = self._legend.shape[:2]
        image[:height, :width] = self._legend
        return image

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

    def _prepare(self, mask: np.ndarray) -> None:
        """Compute what is drawn on all frames of a mask."""
        self._painted = mask > 0
        colours = self._palette[mask[self._painted]]
        self._tint = (self._alpha * colours).astype(np.uint8)
        # A red tint alone is hard to see on a red object.
        width = max(1, round(min(mask.shape) / _SIZE_PER_EDGE_WIDTH))
        inside = binary_erosion(
            self._painted, iterations=width, border_value=True
        )
        self._edge = self._painted & ~inside
        self._edge_colours = self._palette[mask[self._edge]]
        self._legend = np.zeros((0, 0, 3), np.uint8)
        if self._classes is not None:
            self._legend = draw_legend(
                mask, classes=self._classes, palette=self._palette.tolist()
            )

"""Names and colours of classes as a small image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_MIN_FONT_SIZE = 11
#: The picture's height divided by the height of a line of text.
_LINES_PER_HEIGHT = 24
_BACKGROUND_RGB = (20, 20, 20)
_TEXT_RGB = (240, 240, 240)


def draw_legend(
    mask: np.ndarray,
    *,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> np.ndarray:
    """Draw a line for each class of a mask: a square and its name.

    Args:
        mask (np.ndarray): (H, W) class ids; class 0 is not listed.
        classes (Sequence[str]): K names.
        palette (Sequence[Sequence[int]]): K RGB colours, 0..255.

    Returns:
        np.ndarray: (h, w, 3) uint8 RGB, cropped to at most (H, W); h = 0 if
        the mask has only class 0.
    """
    height, width = mask.shape
    shown = [int(index) for index in np.unique(mask) if index > 0]
    line = max(_MIN_FONT_SIZE, height // _LINES_PER_HEIGHT)
    font = ImageFont.load_default(size=0.8 * line)
    text_width = max(
        (font.getlength(classes[index]) for index in shown), default=0
    )
    image = Image.new(
        'RGB', (int(text_width + 2 * line), line * len(shown)), _BACKGROUND_RGB
    )
    draw = ImageDraw.Draw(image)
    for row, index in enumerate(shown):
        top, margin = row * line, line // 5
        draw.rectangle(
            (margin, top + margin, line - margin, top + line - margin),
            fill=tuple(palette[index]),
            outline=_TEXT_RGB,
        )
        draw.text(
            (1.3 * line, top + line / 2),
            classes[index],
            fill=_TEXT_RGB,
            font=font,
            anchor='lm',
        )
    return np.asarray(image)[:height, :width]

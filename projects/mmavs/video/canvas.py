"""Frames in the pixel format of the encoder, and their planes as arrays."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from .frames import to_upright_rgb
from .reading import VideoFacts


def to_canvas(
    frame: VideoFrame, facts: VideoFacts, pixel_format: str, colorspace: int
) -> VideoFrame:
    """Copy a decoded frame, so that it can be drawn on and encoded.

    A frame that already has the pixel format is copied without a conversion
    to RGB and back, which would take longer than to decode it and would round
    its colours.

    Args:
        frame (VideoFrame): A frame of any size and format.
        facts (VideoFacts): Size and rotation.
        pixel_format (str): ``'yuv420p'`` or ``'yuv444p'``.
        colorspace (int): FFmpeg's number of the matrix between RGB and YUV.

    Returns:
        VideoFrame: Upright and of the size of the first frame, in limited
        range. Time stamps and other properties are not copied.
    """
    if _has_planes(frame, facts, pixel_format):
        canvas = VideoFrame(facts.width, facts.height, pixel_format)
        canvas.color_range = ColorRange.MPEG
        for new, old in zip(planes(canvas), planes(frame), strict=True):
            new[...] = np.rot90(old, facts.rotation)
    else:
        image = to_upright_rgb(frame, facts)
        canvas = rgb_to_yuv(image, pixel_format, colorspace)
    canvas.colorspace = colorspace
    return canvas


def rgb_to_yuv(
    image: np.ndarray, pixel_format: str, colorspace: int
) -> VideoFrame:
    """Convert an image.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        pixel_format (str): See :func:`to_canvas`.
        colorspace (int): See :func:`to_canvas`.

    Returns:
        VideoFrame: In limited range.
    """
    frame = VideoFrame.from_ndarray(image, format='rgb24')
    # Otherwise FFmpeg uses the matrix of standard definition.
    frame.colorspace = colorspace
    return frame.reformat(format=pixel_format)


def planes(frame: VideoFrame) -> list[np.ndarray]:
    """Return the planes of a frame, without copying them.

    Args:
        frame (VideoFrame): A frame in planar YUV of 8 bits.

    Returns:
        list[np.ndarray]: Y (H, W), U and V (h, w), uint8; with 4:2:0 colour,
        h and w are half of H and W, rounded up. Writing to them changes the
        frame.
    """
    views = []
    for plane in frame.planes:
        # PyAV's stubs do not declare the buffer protocol.
        values = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
        rows = values.reshape(-1, plane.line_size)
        views.append(rows[: plane.height, : plane.width])
    return views


def _has_planes(
    frame: VideoFrame, facts: VideoFacts, pixel_format: str
) -> bool:
    """Return whether the frame has the planes of the canvas, but turned."""
    size = (frame.height, frame.width)
    if facts.rotation % 2:
        size = size[::-1]
    # The last row of 4:2:0 colour of an odd height belongs to one row of
    # pixels; turned by 180 degrees it would have to be the first.
    is_aligned = facts.rotation == 0 or not (size[0] % 2 or size[1] % 2)
    return (
        frame.format.name == pixel_format
        and frame.color_range != ColorRange.JPEG
        and size == (facts.height, facts.width)
        and is_aligned
    )

"""Decode the frames of a video that are segmented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from .container import find_picture, open_video
from .mask_times import MaskTimes
from .reading import NoAudio, VideoFacts, scan_video
from .tracks import DisplayOrder, time_of


class Video(NamedTuple):
    """One frame per second of a video, and its complete sound.

    Attributes:
        frames (np.ndarray): (T, H, W, 3) uint8, RGB, upright.
        waveform (np.ndarray): See :class:`ScannedVideo`.
        facts (VideoFacts): Properties of the file.
    """

    frames: np.ndarray
    waveform: np.ndarray
    facts: VideoFacts


def read_video(path: str | Path, *, no_audio: NoAudio = 'error') -> Video:
    """Read one frame per second and the sound of a video.

    All T frames are held in memory; for a long video use
    :func:`scan_video` and :func:`iter_seconds`.

    Args:
        path (str | Path): Any container, codec, size and frame rate that
            FFmpeg decodes.
        no_audio (NoAudio): See :func:`scan_video`.

    Returns:
        Video: Frames, sound and facts.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: See :func:`scan_video`.
    """
    facts, waveform = scan_video(path, no_audio=no_audio)
    return Video(np.stack(list(iter_seconds(facts))), waveform, facts)


def iter_seconds(facts: VideoFacts) -> Iterator[np.ndarray]:
    """Decode the video and yield the frame of each second.

    The frame of a second is the one displayed at 15/16 of it, or the last
    frame of the video if the last second is shorter.

    Args:
        facts (VideoFacts): Facts of the file, from :func:`scan_video`.

    Yields:
        np.ndarray: (H, W, 3) uint8, RGB, upright; ``facts.num_seconds`` times.

    Raises:
        ValueError: If the picture cannot be decoded to its end.
    """
    yield from iter_frames(facts, MaskTimes(facts))


def iter_frames(
    facts: VideoFacts, times: Iterable[Fraction]
) -> Iterator[np.ndarray]:
    """Decode the video and yield the frames displayed at given times.

    Only a few frames are held in memory.

    Args:
        facts (VideoFacts): Facts of the file, from :func:`scan_video`.
        times (Iterable[Fraction]): Seconds after the first frame, in order;
            after the last frame, that frame is displayed.

    Yields:
        np.ndarray: (H, W, 3) uint8, RGB, upright; one for each time.

    Raises:
        ValueError: If the picture cannot be decoded to its end.
    """
    remaining = iter(times)
    wanted = next(remaining, None)
    with open_video(facts.path) as container:
        picture = find_picture(container, facts.path)
        held = None
        for frame in DisplayOrder().sort(container.decode(picture)):
            time = seconds_in(frame, facts)
            while held is not None and wanted is not None and time > wanted:
                yield to_upright_rgb(held, facts)
                wanted = next(remaining, None)
            held = frame
        while held is not None and wanted is not None:
            yield to_upright_rgb(held, facts)
            wanted = next(remaining, None)


def seconds_in(frame: VideoFrame, facts: VideoFacts) -> Fraction:
    """Return the time of a frame, in seconds after the first frame."""
    return max(time_of(frame) - facts.start, Fraction(0))


def to_upright_rgb(frame: VideoFrame, facts: VideoFacts) -> np.ndarray:
    """Convert a decoded frame to an upright image.

    Args:
        frame (VideoFrame): A frame of any size; it is resized to that of the
            first frame, because a stream may change its size.
        facts (VideoFacts): Size and rotation.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.
    """
    size = (facts.width, facts.height)
    width, height = size[::-1] if facts.rotation % 2 else size
    rgb = frame.reformat(width=width, height=height, format='rgb24')
    return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), facts.rotation))

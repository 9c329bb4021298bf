"""Draw stored masks over a video, and list the events in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..apis import write_timeline
from ..video import ScannedVideo, VideoFacts, write_overlay
from ..video.container import find_picture, open_video
from ..video.segments import (
    Event,
    find_events,
    find_segments,
    write_events,
)
from .result_files import ResultFiles
from .segmentation import Cancelled, Segmentation

#: Ending of a file and codecs of its picture that browsers play.
_PLAYABLE = {'.mp4': ('h264', 'av1'), '.webm': ('vp8', 'vp9', 'av1')}


class Rendering(NamedTuple):
    """What is shown of a segmentation.

    Attributes:
        overlay (Path): The video with its masks.
        timeline (Path): Summary picture.
        table (Path): Events as CSV.
        events (list[Event]): When each class sounds.
    """

    overlay: Path
    timeline: Path
    table: Path
    events: list[Event]


class Look(NamedTuple):
    """What can be changed without running the network again.

    Attributes:
        threshold (float): See :class:`.StoredMasks`.
        opacity (float): Weight of the masks' colour, 0..1.
    """

    threshold: float
    opacity: float


class ReceivedVideo(NamedTuple):
    """A visitor's video.

    Attributes:
        scanned (ScannedVideo): The video.
        original (Path): The same video in a format that browsers play.
        is_sample (bool): Whether it is a sample, not an upload.
    """

    scanned: ScannedVideo
    original: Path
    is_sample: bool


class Result(NamedTuple):
    """The masks of a visitor's video and how they are shown.

    Attributes:
        model (str): Name of the model.
        segmentation (Segmentation): The masks.
        look (Look): How they are drawn.
        rendering (Rendering): The files.
    """

    model: str
    segmentation: Segmentation
    look: Look
    rendering: Rendering


def render(
    segmentation: Segmentation,
    files: ResultFiles,
    look: Look,
    *,
    on_progress: Callable[[float], None],
    is_cancelled: Callable[[], bool],
) -> Rendering:
    """Render masks at a threshold; the network does not run.

    The files of an earlier rendering are removed when all new ones exist.

    Args:
        segmentation (Segmentation): The video and its masks.
        files (ResultFiles): Gets the files.
        look (Look): How the masks are drawn.
        on_progress (Callable[[float], None]): Called with the finished part.
        is_cancelled (Callable[[], bool]): Asked after each frame.

    Returns:
        Rendering: The files and the events.

    Raises:
        Cancelled: If ``is_cancelled`` returned True.
        ValueError: If threshold or opacity is out of range.
    """
    events = events_at(segmentation, look.threshold)
    rendering = Rendering(
        overlay=files.new('overlay', '.mp4'),
        timeline=files.new('timeline', '.png'),
        table=files.new('events', '.csv'),
        events=events,
    )
    draw_overlay(
        segmentation,
        rendering.overlay,
        look,
        on_progress=on_progress,
        is_cancelled=is_cancelled,
    )
    classes = segmentation.classes
    write_timeline(
        segmentation.video,
        events,
        rendering.timeline,
        classes=classes,
        palette=segmentation.palette,
    )
    write_events(events, classes, rendering.table)
    files.remove('overlay', 'timeline', 'events', keep=rendering[:3])
    return rendering


def events_at(segmentation: Segmentation, threshold: float) -> list[Event]:
    """Find when each class sounds, according to the masks at a threshold.

    Args:
        segmentation (Segmentation): The masks.
        threshold (float): See :class:`.StoredMasks`.

    Returns:
        list[Event]: See ``find_events``.
    """
    segments = [
        segment
        for number, pair in enumerate(segmentation.masks.at(threshold))
        for segment in find_segments(*pair, number)
    ]
    return find_events(segments, segmentation.video.facts, segmentation.times)


def draw_overlay(
    segmentation: Segmentation,
    out: Path,
    look: Look,
    *,
    on_progress: Callable[[float], None],
    is_cancelled: Callable[[], bool],
) -> None:
    """Write the video with its masks.

    Args:
        segmentation (Segmentation): The video and its masks.
        out (Path): The file, ``.mp4``.
        look (Look): How the masks are drawn.
        on_progress (Callable[[float], None]): Called with the finished part.
        is_cancelled (Callable[[], bool]): Asked after each frame.

    Raises:
        Cancelled: If ``is_cancelled`` returned True; no file remains.
    """
    facts = segmentation.video.facts
    has_names = len(segmentation.classes) > 2

    def on_frame(time: float) -> None:
        if is_cancelled():
            raise Cancelled
        on_progress(min(time / facts.duration, 1.0))

    write_overlay(
        facts,
        segmentation.masks_at(look.threshold),
        out,
        times=segmentation.times,
        palette=segmentation.palette,
        classes=segmentation.classes if has_names else None,
        alpha=look.opacity,
        on_frame=on_frame,
    )


def write_playable(facts: VideoFacts, files: ResultFiles) -> Path:
    """Write the video as a file that browsers play.

    Args:
        facts (VideoFacts): Of the video.
        files (ResultFiles): Gets the file.

    Returns:
        Path: A copy of the video, or the same frames as H.264 if browsers do
        not play its format.
    """
    suffix = facts.path.suffix.lower()
    with open_video(facts.path) as container:
        codec = find_picture(container, facts.path).codec_context.name
    if codec in _PLAYABLE.get(suffix, ()):
        out = files.new('original', suffix)
        shutil.copyfile(facts.path, out)
    else:
        out = files.new('original', '.mp4')
        nothing = np.zeros((facts.height, facts.width), np.uint8)
        write_overlay(facts, repeat(nothing), out)
    files.remove('original', keep=[out])
    return out

"""The summary picture of a segmented video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..datasets.transforms.geometry import resize_frame
from ..video import ScannedVideo, iter_frames
from ..video.segments import Event
from ..visualization.timeline import Bar, Timeline, draw_timeline
from .log_mel_picture import log_mel_picture

_NUM_THUMBNAILS = 10
_THUMBNAIL_HEIGHT = 120


def write_timeline(
    video: ScannedVideo,
    events: Sequence[Event],
    out: Path,
    *,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> None:
    """Write thumbnails, log-mel and the events of a video as a picture.

    Args:
        video (ScannedVideo): The video.
        events (Sequence[Event]): When each class sounds.
        out (Path): PNG file.
        classes (Sequence[str]): Name of each class id.
        palette (Sequence[Sequence[int]]): RGB of each class id.
    """
    spans: dict[int, list[tuple[float, float]]] = {}
    for event in events:
        spans.setdefault(event.class_id, []).append((event.start, event.end))
    timeline = Timeline(
        title=video.facts.path.name,
        duration=video.facts.duration,
        thumbnails=list(_thumbnails(video)),
        log_mel=log_mel_picture(video.waveform, video.facts.sound_rate),
        bars=[
            Bar(classes[class_id], palette[class_id], own)
            for class_id, own in sorted(spans.items())
        ],
    )
    draw_timeline(timeline, out)


def _thumbnails(video: ScannedVideo) -> Iterable[np.ndarray]:
    """Frames from the middle of parts of equal length, made small."""
    facts = video.facts
    step = Fraction(facts.duration) / _NUM_THUMBNAILS
    middles = [step * n + step / 2 for n in range(_NUM_THUMBNAILS)]
    width = max(round(facts.width / facts.height * _THUMBNAIL_HEIGHT), 1)
    for frame in iter_frames(facts, middles):
        yield resize_frame(frame, (_THUMBNAIL_HEIGHT, width))

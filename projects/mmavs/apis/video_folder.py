"""Segment a video and write all results to a folder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..atomic_file import write_json
from ..video import (
    MaskRate,
    MaskTimes,
    NoAudio,
    ScannedVideo,
    majority_vote,
    save_mask,
    scan_video,
    write_overlay,
)
from ..video.segments import (
    Segment,
    coco_results,
    find_events,
    find_segments,
    write_events,
)
from ..video.working_folder import working_folder
from .inferencer import AVSInferencer
from .result_folder import check_result_folder, replace_results
from .video_timeline import write_timeline
from .windows import SoundWindow

#: What can be written: the video with its masks, a PNG for each mask, COCO
#: results, a table of events, and a summary picture.
ResultKind = Literal['overlay', 'masks', 'coco', 'events', 'timeline']


@dataclass(frozen=True)
class VideoOptions:
    """How videos are segmented and what is written.

    Attributes:
        results (tuple[ResultKind, ...]): What is written.
        suffix (str): Ending of the overlay, ``'.mp4'`` or ``'.webm'``.
        alpha (float): Weight of the overlay's colour, 0..1.
        mask_rate (MaskRate): See :meth:`AVSInferencer.segment_video`.
        sound_window (SoundWindow): See the same.
        batch_size (int): See the same.
        majority_vote (int): See :func:`mmavs.video.majority_vote`; 1 does not
            smooth.
        no_audio (NoAudio): See :func:`mmavs.video.scan_video`.
    """

    results: tuple[ResultKind, ...] = ('overlay',)
    suffix: str = '.mp4'
    alpha: float = 0.5
    mask_rate: MaskRate = 1
    sound_window: SoundWindow = 'second'
    batch_size: int = 1
    majority_vote: int = 1
    no_audio: NoAudio = 'error'


def segment_smoothly(
    inferencer: AVSInferencer, video: ScannedVideo, options: VideoOptions
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Segment a video and smooth its masks.

    Args:
        inferencer (AVSInferencer): The model.
        video (ScannedVideo): The video.
        options (VideoOptions): How.

    Yields:
        tuple[np.ndarray, np.ndarray]: The next mask, (H, W) uint8 class ids,
        and its scores (H, W), which are not smoothed.
    """
    scores: deque[np.ndarray] = deque()

    def masks() -> Iterator[np.ndarray]:
        for part in inferencer.segment_video(
            video,
            mask_rate=options.mask_rate,
            sound_window=options.sound_window,
            batch_size=options.batch_size,
        ):
            for mask, score in zip(part.masks, part.scores, strict=True):
                scores.append(score)
                yield mask

    for mask in majority_vote(masks(), options.majority_vote):
        yield mask, scores.popleft()


def segment_to_folder(
    inferencer: AVSInferencer,
    path: str | Path,
    folder: str | Path,
    options: VideoOptions,
    *,
    facts: Mapping[str, Any],
    on_time: Callable[[float], None] | None = None,
) -> None:
    """Segment a video and write results to a folder.

    The folder gets ``overlay.mp4`` or ``overlay.webm``, ``masks/<n>.png``,
    ``coco.json``, ``events.csv`` and ``timeline.png``, as chosen, and
    ``results.json`` with what they were computed from. Results of an earlier
    run are replaced when all new ones are complete.

    Args:
        inferencer (AVSInferencer): The model.
        path (str | Path): The video.
        folder (str | Path): Where to write.
        options (VideoOptions): How, and what.
        facts (Mapping[str, Any]): What identifies the results, see
            :func:`.is_complete`.
        on_time (Callable[[float], None] | None): Called with the seconds
            that are finished, for example to show progress.

    Raises:
        FileNotFoundError: If there is no such video.
        ValueError: If the video cannot be segmented, or the folder contains
            other files.
        OSError: If writing fails.
    """
    folder = Path(folder)
    check_result_folder(folder)
    video = scan_video(path, no_audio=options.no_audio)
    with working_folder(folder) as part:
        segments = _write_masks(inferencer, video, part, options, on_time)
        _write_tables(inferencer, video, part, options, segments)
        replace_results(part, folder, facts)


def _write_masks(
    inferencer: AVSInferencer,
    video: ScannedVideo,
    part: Path,
    options: VideoOptions,
    on_time: Callable[[float], None] | None,
) -> list[Segment]:
    """Segment; write overlay and masks, and collect the segments."""
    times = MaskTimes(video.facts, options.mask_rate)
    segments: list[Segment] = []
    if 'masks' in options.results:
        (part / 'masks').mkdir()

    def masks() -> Iterator[np.ndarray]:
        stream = segment_smoothly(inferencer, video, options)
        for index, (mask, score) in enumerate(stream):
            segments.extend(find_segments(mask, score, index))
            if 'masks' in options.results:
                file = part / 'masks' / f'{index}.png'
                save_mask(file, mask, inferencer.palette)
            if on_time is not None and 'overlay' not in options.results:
                on_time(times.span(index)[1])
            yield mask

    remaining = masks()
    if 'overlay' in options.results:
        many = len(inferencer.classes) > 2
        write_overlay(
            video.facts,
            remaining,
            part / f'overlay{options.suffix}',
            times=times,
            palette=inferencer.palette,
            classes=inferencer.classes if many else None,
            alpha=options.alpha,
            on_frame=on_time,
        )
    # The last mask may belong to no frame of the overlay.
    deque(remaining, maxlen=0)
    return segments


def _write_tables(
    inferencer: AVSInferencer,
    video: ScannedVideo,
    part: Path,
    options: VideoOptions,
    segments: list[Segment],
) -> None:
    """Write what is computed from the segments."""
    times = MaskTimes(video.facts, options.mask_rate)
    classes = inferencer.classes
    events = find_events(segments, video.facts, times)
    if 'coco' in options.results:
        content = coco_results(segments, video.facts, times, classes)
        write_json(part / 'coco.json', content)
    if 'events' in options.results:
        write_events(events, classes, part / 'events.csv')
    if 'timeline' not in options.results:
        return
    write_timeline(
        video,
        events,
        part / 'timeline.png',
        classes=classes,
        palette=inferencer.palette,
    )

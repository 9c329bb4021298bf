"""Segment many videos; a faulty one does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple

import av
from rich.progress import Progress

from .inferencer import AVSInferencer
from .result_folder import is_complete
from .video_folder import VideoOptions, segment_to_folder

#: Assumed length, for the remaining time, where the header states none.
_USUAL_SECONDS = 60.0


class VideoOutcome(NamedTuple):
    """What became of a video.

    Attributes:
        path (Path): The video.
        folder (Path): Folder of its results.
        status (Literal['done', 'skipped', 'failed']): Skipped are videos with
            equal results of an earlier run.
        reason (str): Why it failed; else empty.
    """

    path: Path
    folder: Path
    status: Literal['done', 'skipped', 'failed']
    reason: str = ''


def result_folders(videos: Sequence[Path], out_dir: Path) -> list[Path]:
    """Choose the folder of each video: its name without the ending.

    Where two names differ only in the ending, the ending stays.

    Args:
        videos (Sequence[Path]): The videos.
        out_dir (Path): Folder of all results.

    Returns:
        list[Path]: A folder for each video.

    Raises:
        ValueError: If two videos have the same name.
    """
    stems = [video.stem for video in videos]
    names = [
        video.stem if stems.count(video.stem) == 1 else video.name
        for video in videos
    ]
    for index, name in enumerate(names):
        first = names.index(name)
        if first != index:
            raise ValueError(
                f'expected videos with different names, got {videos[first]} '
                f'and {videos[index]}; segment them into different folders.'
            )
    return [out_dir / name for name in names]


def segment_many(
    inferencer: AVSInferencer,
    videos: Sequence[Path],
    out_dir: str | Path,
    options: VideoOptions,
    *,
    facts_of: Callable[[Path], Mapping[str, Any]],
    skip_existing: bool = False,
    report: Callable[[VideoOutcome], None] | None = None,
) -> list[VideoOutcome]:
    """Segment videos one by one; show the progress and remaining time of all.

    Args:
        inferencer (AVSInferencer): The model.
        videos (Sequence[Path]): The videos.
        out_dir (str | Path): Gets a folder for each video.
        options (VideoOptions): How, and what is written.
        facts_of (Callable[[Path], Mapping[str, Any]]): Returns what
            identifies a video and the model; the options are added.
        skip_existing (bool): Skip videos of which ``out_dir`` has complete
            results with the same facts.
        report (Callable[[VideoOutcome], None] | None): Called after each
            video.

    Returns:
        list[VideoOutcome]: One for each video. A video fails if it, or the
        place of its results, raises ``ValueError`` or ``OSError``.

    Raises:
        ValueError: If two videos have the same name.
    """
    folders = result_folders(videos, Path(out_dir))
    lengths = [_stated_seconds(video) for video in videos]
    outcomes: list[VideoOutcome] = []
    with Progress() as progress:
        total = progress.add_task('segmenting', total=sum(lengths))
        finished = 0.0
        for video, folder, length in zip(
            videos, folders, lengths, strict=True
        ):
            label = f'{len(outcomes) + 1} of {len(videos)}: {video.name}'
            progress.update(total, description=label)

            def advance(
                time: float, begin: float = finished, most: float = length
            ) -> None:
                progress.update(total, completed=begin + min(time, most))

            outcome = VideoOutcome(video, folder, 'done')
            try:
                facts = dict(facts_of(video), options=asdict(options))
                if skip_existing and is_complete(folder, facts):
                    outcome = outcome._replace(status='skipped')
                else:
                    segment_to_folder(
                        inferencer,
                        video,
                        folder,
                        options,
                        facts=facts,
                        on_time=advance,
                    )
            except (ValueError, OSError) as error:
                reason = ' '.join(str(error).split())
                outcome = outcome._replace(status='failed', reason=reason)
            finished += length
            progress.update(total, completed=finished)
            outcomes.append(outcome)
            if report is not None:
                report(outcome)
    return outcomes


def _stated_seconds(path: Path) -> float:
    """Read a video's length in its header, to estimate the remaining time."""
    with suppress(av.error.FFmpegError, OSError), av.open(str(path)) as file:
        if file.duration:
            return file.duration / av.time_base
    return _USUAL_SECONDS

"""Open a video file, find its tracks, and check that it is complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

#: A file that ends earlier than its header says by more than this is cut off.
_MAX_MISSING_SECONDS = 1.0


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """Open a video; FFmpeg's errors become a ValueError.

    Args:
        path (Path): The file.

    Yields:
        InputContainer: To demux and decode from.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If FFmpeg cannot open or decode it.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: expected a video file, found none; check the path.'
        )
    try:
        with av.open(str(path), metadata_errors='replace') as container:
            yield container
    except av.error.FFmpegError as error:
        raise ValueError(
            f'{path}: expected a video that can be decoded from start to end, '
            f'got {error.strerror!r}: the file is not a video, damaged or '
            'cut off. Copy it again, or keep its readable part with '
            f'`ffmpeg -i {path.name} repaired.mp4`.'
        ) from error


def find_picture(container: InputContainer, path: Path) -> VideoStream:
    """Find the picture track that a player would play.

    Args:
        container (InputContainer): The opened video.
        path (Path): The file, for error messages.

    Returns:
        VideoStream: The track.

    Raises:
        ValueError: If there is none.
    """
    picture = container.streams.best('video')
    if (
        not isinstance(picture, VideoStream)
        # Cover art of a sound file is a picture track too.
        or picture.disposition & Disposition.attached_pic
    ):
        raise ValueError(
            f'{path}: expected a picture track and a sound track, got no '
            'picture; give a video file.'
        )
    picture.thread_type = 'AUTO'
    return picture


def find_sound(container: InputContainer) -> AudioStream | None:
    """Find the sound track that a player would play.

    Args:
        container (InputContainer): The opened video.

    Returns:
        AudioStream | None: The track; None if there is none.
    """
    sound = container.streams.best('audio')
    return sound if isinstance(sound, AudioStream) else None


def check_complete(
    path: Path,
    container: InputContainer,
    picture_end: Fraction,
    sound_end: Fraction,
) -> None:
    """Raise ValueError if the file ends before its header says."""
    if container.duration is None or len(container.streams) > 2:
        # Other tracks, such as subtitles, may be longer.
        return
    # The duration in most containers, the end in Matroska: if the first time
    # stamp is not 0, only a larger loss is detected.
    announced = container.duration / av.time_base
    reached = float(max(picture_end, sound_end))
    if announced - reached > _MAX_MISSING_SECONDS:
        raise ValueError(
            f'{path}: expected {announced:.1f} s of picture and sound, as its '
            f'header says, got {reached:.1f} s: the file is cut off. Copy it '
            'again, or keep its readable part with '
            f'`ffmpeg -i {path.name} repaired.mp4`.'
        )

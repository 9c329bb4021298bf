"""Read one frame per second and the sound of a video file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .tracks import DisplayOrder, PictureSpan, SoundTrack, time_of

#: The frame of second l is the one displayed at l + 15/16 seconds, as in
#: AVSBench@f7414af ``preprocess_scripts/preprocess_s4.py``: 16 frames per
#: second are extracted and the last is kept, ``int(l * fps + 15 / 16 * fps)``.
FRAME_OFFSET_SECONDS = Fraction(15, 16)
#: A file that ends earlier than its header says by more than this is cut off.
_MAX_MISSING_SECONDS = 1.0


class VideoFacts(NamedTuple):
    """Properties of a video file.

    Attributes:
        path (Path): The file.
        height (int): Height of the displayed picture, after rotation.
        width (int): Width of the displayed picture, after rotation.
        fps (float): Average frames per second.
        num_frames (int): Number of frames.
        num_seconds (int): T: number of seconds, counted from the first frame;
            a part of a second counts as one.
        duration (float): Seconds from the first frame to the picture's end.
        rotation (int): Quarter turns counter-clockwise, 0..3, of the display
            matrix.
        sound_codec (str): FFmpeg's name of the codec, such as ``'aac'``.
        sound_rate (int): Samples per second of the sound track.
        sound_seconds (float): Seconds of sound in the track between the first
            frame and the end of second T.
        start (Fraction): Time stamp of the first frame, in seconds.
    """

    path: Path
    height: int
    width: int
    fps: float
    num_frames: int
    num_seconds: int
    duration: float
    rotation: int
    sound_codec: str
    sound_rate: int
    sound_seconds: float
    start: Fraction


class ScannedVideo(NamedTuple):
    """A video's properties and its complete sound.

    Attributes:
        facts (VideoFacts): Properties of the file.
        waveform (np.ndarray): (S,) float32 in [-1, 1], mean of the channels
            at ``facts.sound_rate``; sample 0 is at the time of the first
            frame.
    """

    facts: VideoFacts
    waveform: np.ndarray


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


def read_video(path: str | Path) -> Video:
    """Read one frame per second and the sound of a video.

    All T frames are held in memory; for a long video use
    :func:`scan_video` and :func:`iter_seconds`.

    Args:
        path (str | Path): Any container, codec, size and frame rate that
            FFmpeg decodes.

    Returns:
        Video: Frames, sound and facts.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: See :func:`scan_video`.
    """
    facts, waveform = scan_video(path)
    return Video(np.stack(list(iter_seconds(facts))), waveform, facts)


def scan_video(path: str | Path) -> ScannedVideo:
    """Read sound and properties of a video; decode only its first frame.

    The sound is aligned with the picture: sound before the first frame and
    after the last second is cut off; if the track starts late or ends early,
    the waveform is padded with zeros.

    Args:
        path (str | Path): See :func:`read_video`.

    Returns:
        ScannedVideo: Facts and waveform.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a video, is damaged or cut off, has no
            picture or no sound, or has samples that are NaN or infinite.
    """
    path = Path(path)
    with open_video(path) as container:
        picture, sound = find_tracks(container, path)
        span, track = PictureSpan(), SoundTrack(sound, path)
        frame = None
        for packet in container.demux(picture, sound):
            if packet.stream.index == sound.index:
                track.add(packet)
                continue
            span.add(packet)
            if frame is None:
                # The empty packet at the end flushes the decoder.
                frame = next(iter(picture.decode(packet)), None)
        if frame is None:
            raise ValueError(
                f'{path}: expected a picture track with frames, got none that '
                'can be decoded; nothing can be segmented.'
            )
        start = time_of(frame)
        _check_complete(path, container, span.end, track.end)
        rotation = round(frame.rotation / 90) % 4
    sizes = (frame.height, frame.width)
    height, width = sizes[::-1] if rotation % 2 else sizes
    fps = picture.average_rate or picture.guessed_rate or Fraction(25)
    num_seconds = int(span.last - start) + 1
    end = max(span.end, span.last + 1 / fps) - start
    waveform, sound_seconds = track.lay(
        start, shortest=min(end, Fraction(num_seconds)), longest=num_seconds
    )
    if sound_seconds == 0:
        raise ValueError(
            f'{path}: expected sound during the picture, got an empty sound '
            'track; audio-visual segmentation needs the sound.'
        )
    facts = VideoFacts(
        path=path,
        height=height,
        width=width,
        fps=float(fps),
        num_frames=span.num_frames,
        num_seconds=num_seconds,
        duration=float(end),
        rotation=rotation,
        sound_codec=sound.codec_context.codec.canonical_name,
        sound_rate=track.rate,
        sound_seconds=sound_seconds,
        start=start,
    )
    return ScannedVideo(facts, waveform)


def iter_seconds(facts: VideoFacts) -> Iterator[np.ndarray]:
    """Decode the video and yield the frame of each second.

    The frame of a second is the one displayed at 15/16 of it, or the last
    frame of the video if the last second is shorter. Only a few frames are
    held in memory.

    Args:
        facts (VideoFacts): Facts of the file, from :func:`scan_video`.

    Yields:
        np.ndarray: (H, W, 3) uint8, RGB, upright; ``facts.num_seconds`` times.

    Raises:
        ValueError: If the picture cannot be decoded to its end.
    """
    second = 0
    with open_video(facts.path) as container:
        picture, _ = find_tracks(container, facts.path)
        held = None
        for frame in DisplayOrder().sort(container.decode(picture)):
            time = seconds_in(frame, facts)
            while held is not None and time > second + FRAME_OFFSET_SECONDS:
                yield to_upright_rgb(held, facts)
                second += 1
            held = frame
        while held is not None and second < facts.num_seconds:
            yield to_upright_rgb(held, facts)
            second += 1


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


def find_tracks(
    container: InputContainer, path: Path
) -> tuple[VideoStream, AudioStream]:
    """Find the tracks that a player would play.

    Args:
        container (InputContainer): The opened video.
        path (Path): The file, for error messages.

    Returns:
        tuple[VideoStream, AudioStream]: Picture and sound.

    Raises:
        ValueError: If there is no picture or no sound.
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
    sound = container.streams.best('audio')
    if not isinstance(sound, AudioStream):
        raise ValueError(
            f'{path}: expected a picture track and a sound track, got no '
            'sound track; audio-visual segmentation needs the sound. Add it, '
            f'for example with `ffmpeg -i {path.name} -i sound.wav out.mp4`.'
        )
    picture.thread_type = 'AUTO'
    return picture, sound


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


def _check_complete(
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

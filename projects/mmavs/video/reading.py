"""Read the sound and the properties of a video file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from av.video.frame import VideoFrame

from .container import check_complete, find_picture, find_sound, open_video
from .tracks import PictureSpan, SoundTrack, time_of

#: What to do with a video without sound: raise an error, or treat it as
#: silent.
NoAudio = Literal['error', 'silence']
#: Samples per second of the silence of a video without a sound track.
_SILENCE_RATE = 16000


class VideoFacts(NamedTuple):
    """Properties of a video file.

    Attributes:
        path (Path): The file.
        height (int): Height of the displayed picture, after rotation.
        width (int): Width of the displayed picture, after rotation.
        fps (float): Average frames per second.
        peak_fps (float): Frames per second where they follow each other
            fastest.
        num_frames (int): Number of frames.
        num_seconds (int): T: number of seconds, counted from the first frame;
            a part of a second counts as one.
        duration (float): Seconds from the first frame to the picture's end.
        rotation (int): Quarter turns counter-clockwise, 0..3, of the display
            matrix.
        sound_codec (str | None): FFmpeg's name of the codec, such as
            ``'aac'``; None if there is no sound track.
        sound_rate (int): Samples per second of the sound track.
        sound_seconds (float): Seconds of sound in the track between the first
            frame and the end of second T.
        start (Fraction): Time stamp of the first frame, in seconds.
    """

    path: Path
    height: int
    width: int
    fps: float
    peak_fps: float
    num_frames: int
    num_seconds: int
    duration: float
    rotation: int
    sound_codec: str | None
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


def scan_video(
    path: str | Path, *, no_audio: NoAudio = 'error'
) -> ScannedVideo:
    """Read sound and properties of a video; decode only its first frame.

    The sound is aligned with the picture: sound before the first frame and
    after the last second is cut off; if the track starts late or ends early,
    the waveform is padded with zeros.

    Args:
        path (str | Path): See :func:`read_video`.
        no_audio (NoAudio): What to do with a video without a sound track, or
            whose track has no sound during the picture: ``'error'``, or
            ``'silence'`` to read a waveform of zeros.

    Returns:
        ScannedVideo: Facts and waveform.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a video, is damaged or cut off, has no
            picture or no sound, or has samples that are NaN or infinite; or
            if ``no_audio`` is neither.
    """
    if no_audio not in get_args(NoAudio):
        raise ValueError(
            f'no_audio must be in {get_args(NoAudio)}, got {no_audio!r}.'
        )
    path = Path(path)
    tracks = _read_tracks(path, no_audio)
    span, sound, frame = tracks.span, tracks.sound, tracks.first_frame
    start = time_of(frame)
    rotation = round(frame.rotation / 90) % 4
    sizes = (frame.height, frame.width)
    height, width = sizes[::-1] if rotation % 2 else sizes
    num_seconds = int(span.last - start) + 1
    end = max(span.end, span.last + 1 / tracks.fps) - start
    shortest = min(end, Fraction(num_seconds))
    if sound is None:
        waveform = np.zeros(round(shortest * _SILENCE_RATE), np.float32)
        sound_seconds = 0.0
    else:
        waveform, sound_seconds = sound.lay(
            start, shortest=shortest, longest=num_seconds
        )
    if sound_seconds == 0 and no_audio == 'error':
        raise ValueError(
            f'{path}: expected sound during the picture, got an empty sound '
            'track; audio-visual segmentation needs the sound.'
        )
    facts = VideoFacts(
        path=path,
        height=height,
        width=width,
        fps=float(tracks.fps),
        peak_fps=span.peak_rate,
        num_frames=span.num_frames,
        num_seconds=num_seconds,
        duration=float(end),
        rotation=rotation,
        sound_codec=None if sound is None else sound.codec,
        sound_rate=_SILENCE_RATE if sound is None else sound.rate,
        sound_seconds=sound_seconds,
        start=start,
    )
    return ScannedVideo(facts, waveform)


class _Tracks(NamedTuple):
    """A video's time stamps, sound (None without a track) and first frame."""

    span: PictureSpan
    sound: SoundTrack | None
    first_frame: VideoFrame
    fps: Fraction


def _read_tracks(path: Path, no_audio: NoAudio) -> _Tracks:
    """Read a video to its end; decode its sound and its first frame."""
    with open_video(path) as container:
        picture, stream = find_picture(container, path), find_sound(container)
        if stream is None and no_audio == 'error':
            raise ValueError(
                f'{path}: expected a picture track and a sound track, got no '
                'sound track; audio-visual segmentation needs the sound. Add '
                f'it, for example with `ffmpeg -i {path.name} -i sound.wav '
                'out.mp4`.'
            )
        span, frame = PictureSpan(), None
        sound = None if stream is None else SoundTrack(stream, path)
        for packet in container.demux([s for s in (picture, stream) if s]):
            if sound is not None and packet.stream.index != picture.index:
                sound.add(packet)
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
        sound_end = Fraction(0) if sound is None else sound.end
        check_complete(path, container, span.end, sound_end)
        fps = picture.average_rate or picture.guessed_rate or Fraction(25)
        return _Tracks(span, sound, frame, fps)

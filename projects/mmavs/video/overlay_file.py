"""Encode the pictures and the sound of an overlay."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from .canvas import to_canvas
from .reading import VideoFacts
from .tracks import time_of

#: Errors caused by the file system, not by the data.
_STORAGE_ERRORS = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ENOENT,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
)
#: FFmpeg's numbers of two "matrices" between RGB and YUV.
_RGB, _UNSPECIFIED = 0, 2


class _Format(NamedTuple):
    """A container and the codecs in it.

    Attributes:
        container (str): FFmpeg's name.
        options (dict[str, str]): Options of the container.
        picture (str): FFmpeg's encoder of the picture.
        picture_options (dict[str, str]): Its options.
        takes_odd (bool): Whether the picture's sides may be odd with 4:2:0
            colour.
        sound (str): FFmpeg's encoder of the sound.
        rates (tuple[int, ...]): Sample rates in Hz of that encoder.
        copied (tuple[str, ...]): Codecs of sound that is copied unchanged.
    """

    container: str
    options: dict[str, str]
    picture: str
    picture_options: dict[str, str]
    takes_odd: bool
    sound: str
    rates: tuple[int, ...]
    copied: tuple[str, ...]


#: By the ending of the file name.
FORMATS = {
    '.mp4': _Format(
        'mp4',
        # ``faststart`` puts the index first, so that browsers can play the
        # file while they load it. ``movie_timescale`` is the inverse of the
        # unit in which the start of a track is stored, 1 ms by default.
        {'movflags': 'faststart', 'movie_timescale': '90000'},
        'libx264',
        # Visually lossless. It takes half the time of preset 'fast' with
        # crf 18, for files of about the same size.
        {'crf': '17', 'preset': 'veryfast'},
        # libx264 requires even sides for 4:2:0.
        False,
        'aac',
        (
            8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000,
            64000, 88200, 96000,
        ),
        # Players decode these. Opus is re-encoded, because copies started
        # some milliseconds early.
        ('aac', 'ac3', 'alac', 'eac3', 'mp3'),
    ),
    '.webm': _Format(
        'webm',
        {},
        'libvpx-vp9',
        # Constant quality; the default speed takes seconds per frame.
        {'crf': '24', 'b': '0', 'deadline': 'realtime', 'cpu-used': '6'},
        True,
        'libopus',
        (8000, 12000, 16000, 24000, 48000),
        (),
    ),
}  # fmt: skip


class OverlayFile:
    """A video file that is written frame by frame.

    Args:
        path (Path): Output file; its ending is one of :data:`FORMATS`.
        facts (VideoFacts): Facts of the input video.
        picture (VideoStream): Picture track of the input, for time base,
            aspect ratio and colours.
        sound (AudioStream | None): Sound track of the input.
        begin (Fraction): First time stamp of the input, in seconds; becomes 0.
    """

    def __init__(
        self,
        path: Path,
        facts: VideoFacts,
        *,
        picture: VideoStream,
        sound: AudioStream | None,
        begin: Fraction,
    ) -> None:
        form = FORMATS[path.suffix.lower()]
        self.keeps_sound = facts.sound_codec in form.copied
        self._path = path
        self._facts = facts
        self._begin = begin
        self._last_pts: int | None = None
        self._picture_unit = picture.time_base or Fraction(1, av.time_base)
        self._sound: AudioStream | None = None
        with _writing(path):
            self._file = av.open(
                str(path), 'w', format=form.container, options=form.options
            )
            self._picture = _add_picture(self._file, form, picture, facts)
            self._picture.codec_context.time_base = self._picture_unit
            if sound is None:
                return
            self._sound_unit = Fraction(1, sound.rate)
            if self.keeps_sound:
                self._sound = self._file.add_stream_from_template(sound)
            else:
                self._sound = _add_sound(self._file, form, sound)

    def __enter__(self) -> OverlayFile:
        return self

    def __exit__(self, error_type: type | None, *error: object) -> None:
        if error_type is None:
            with _writing(self._path):
                self._file.mux(self._picture.encode(None))
                if self._sound is not None and not self.keeps_sound:
                    self._file.mux(self._sound.encode(None))
                self._file.close()
            return
        # The file is discarded, and an error while closing it would hide the
        # cause.
        with suppress(av.error.FFmpegError):
            self._file.close()

    def new_canvas(self, frame: VideoFrame) -> VideoFrame:
        """Copy a decoded frame to draw on it; see :func:`.to_canvas`."""
        return to_canvas(
            frame,
            self._facts,
            self._picture.format.name,
            self._picture.codec_context.colorspace,
        )

    def write_picture(self, canvas: VideoFrame, frame: VideoFrame) -> None:
        """Write a canvas at the time of a decoded frame."""
        _move(canvas, time_of(frame) - self._begin, self._picture_unit)
        if self._last_pts is not None:
            # The encoder requires time stamps that increase.
            canvas.pts = max(canvas.pts or 0, self._last_pts + 1)
        self._last_pts = canvas.pts
        canvas.duration = frame.duration
        with _writing(self._path):
            self._file.mux(self._picture.encode(canvas))

    def write_sound(self, packet: av.Packet) -> None:
        """Copy a packet of the input."""
        # pts and dts are equal for sound, and AVI has only one of them.
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:  # the empty packet at the end of the track
            return
        packet.pts = stamp - round(self._begin / packet.time_base)
        packet.dts = packet.pts
        assert self._sound is not None
        packet.stream = self._sound
        with _writing(self._path):
            self._file.mux(packet)

    def encode_sound(self, frames: Sequence[AudioFrame]) -> None:
        """Encode decoded sound of the input."""
        assert self._sound is not None
        for frame in frames:
            _move(frame, time_of(frame) - self._begin, self._sound_unit)
            with _writing(self._path):
                self._file.mux(self._sound.encode(frame))


def _move(
    frame: VideoFrame | AudioFrame, time: Fraction, unit: Fraction
) -> None:
    """Set a frame's time stamp."""
    frame.time_base = unit
    frame.pts = round(time / unit)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Replace FFmpeg's write errors by errors that name the cause."""
    try:
        yield
    except av.error.FFmpegError as error:
        if error.errno in _STORAGE_ERRORS:
            raise OSError(
                error.errno,
                f'cannot write the video ({error.strerror}); check the free '
                'space and the permissions',
                str(path),
            ) from error
        raise ValueError(
            'FFmpeg cannot encode frames or sound of this video as '
            f'{path.name} ({error.strerror}): its time stamps or its samples '
            'are damaged. Repair it with `ffmpeg -fflags +genpts -i VIDEO '
            'repaired.mp4` and segment that file.'
        ) from error


def _add_picture(
    target: OutputContainer,
    form: _Format,
    picture: VideoStream,
    facts: VideoFacts,
) -> VideoStream:
    """Add a picture track with the input's aspect ratio and colours."""
    rate = Fraction(facts.fps).limit_denominator(1001)
    stream = target.add_stream(
        form.picture, rate=rate, options=form.picture_options
    )
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = facts.width, facts.height
    # 4:2:0 subsamples both sides by 2.
    is_even = facts.width % 2 == 0 and facts.height % 2 == 0
    is_subsampled = is_even or form.takes_odd
    stream.pix_fmt = 'yuv420p' if is_subsampled else 'yuv444p'
    context, source = stream.codec_context, picture.codec_context
    # Otherwise the last frame's duration is estimated.
    context.flags |= Flags.frame_duration
    context.color_range = ColorRange.MPEG
    # RGB has no matrix; FFmpeg then uses that of standard definition.
    is_rgb = source.colorspace == _RGB
    context.colorspace = _UNSPECIFIED if is_rgb else source.colorspace
    context.color_primaries = source.color_primaries
    context.color_trc = source.color_trc
    aspect = picture.sample_aspect_ratio
    if aspect:
        turned = facts.rotation % 2
        context.sample_aspect_ratio = 1 / aspect if turned else aspect
    return stream


def _add_sound(
    target: OutputContainer, form: _Format, sound: AudioStream
) -> AudioStream:
    """Add a sound track; more than two channels are mixed to stereo."""
    rate = sound.rate if sound.rate in form.rates else 48000
    # sound.layout cannot be used: PCM often has none, which the encoder
    # rejects.
    layout = 'mono' if sound.channels == 1 else 'stereo'
    stream = target.add_stream(form.sound, rate=rate, layout=layout)
    assert isinstance(stream, AudioStream)
    return stream

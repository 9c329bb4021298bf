"""Write a video with an overlay of its masks, keeping its sound."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from rich.progress import Progress
from scipy.ndimage import binary_erosion

from ..datasets.metainfo import BINARY_PALETTE
from .legend import draw_legend
from .reading import (
    VideoFacts,
    find_tracks,
    open_video,
    seconds_in,
    to_upright_rgb,
)
from .tracks import DisplayOrder, time_of
from .working_folder import working_folder

#: The shorter side of the video in pixels, per pixel of outline width.
_SIZE_PER_EDGE_WIDTH = 250
#: Audio codecs that mp4 supports and players decode; copied unchanged. Opus
#: is re-encoded, because copies started some milliseconds early.
_COPIED_CODECS = ('aac', 'ac3', 'alac', 'eac3', 'mp3')
#: Sample rates of AAC, in Hz.
_AAC_RATES = (
    8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000,
    88200, 96000,
)  # fmt: skip
#: Visually lossless, and fast enough on two cores.
_X264_OPTIONS = {'crf': '18', 'preset': 'fast'}
#: ``faststart`` puts the index first, so that browsers can play the file
#: while they load it. ``movie_timescale`` is the inverse of the unit in which
#: the start of a track is stored, 1 ms by default.
_MP4_OPTIONS = {'movflags': 'faststart', 'movie_timescale': '90000'}
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


def write_overlay(
    facts: VideoFacts,
    masks: Iterable[np.ndarray],
    out: str | Path,
    *,
    palette: Sequence[Sequence[int]] = BINARY_PALETTE,
    classes: Sequence[str] | None = None,
    alpha: float = 0.5,
    show_progress: bool = True,
) -> None:
    """Write the video as mp4 (H.264) with each mask on the frames of a second.

    The number of frames, their time stamps and, after rotation, their size do
    not change. Sound in a codec that mp4 supports is copied bit for bit, other
    sound is encoded as AAC. The iterator of masks is advanced second by
    second, so that masks can be computed on the fly; only a few frames and one
    mask are in memory. The file is written to a hidden folder and renamed when
    it is complete. Files of killed runs in that folder are removed.

    Args:
        facts (VideoFacts): Of the video, from ``scan_video``.
        masks (Iterable[np.ndarray]): ``facts.num_seconds`` times (H, W)
            uint8 class ids at the size of the frames; 0 is not coloured.
        out (str | Path): Output file; ends in ``.mp4``.
        palette (Sequence[Sequence[int]]): RGB of each class id.
        classes (Sequence[str] | None): Name of each class id; those of a
            mask are listed in the upper left corner. None lists nothing.
        alpha (float): Weight of the colour, 0..1; the outline of a mask is
            drawn in full colour.
        show_progress (bool): Show a progress bar with the remaining time.

    Raises:
        ValueError: If ``out`` cannot be written, ``alpha`` is outside
            0..1, there are too few masks, one has another size or a class
            without a colour, or the video cannot be decoded to its end.
        OSError: If writing fails, for instance on a full disk.
    """
    out = check_output(out, source=facts.path)
    painter = _Painter(
        facts, masks, palette=palette, classes=classes, alpha=alpha
    )
    with (
        working_folder(out) as folder,
        Progress(disable=not show_progress) as progress,
        open_video(facts.path) as source,
    ):
        task = progress.add_task(
            f'segmenting {facts.path.name}', total=facts.num_frames
        )
        picture, sound = find_tracks(source, facts.path)
        begin = Fraction(source.start_time or 0, av.time_base)
        part = folder / out.name
        with _OverlayFile(
            part, facts, picture=picture, sound=sound, begin=begin
        ) as target:
            order = DisplayOrder()
            for packet in source.demux(picture, sound):
                if packet.stream.index == picture.index:
                    # The last packet is empty and flushes the decoder.
                    is_last = packet.size == 0 and packet.dts is None
                    frames = picture.decode(packet)
                    for frame in order.add(frames, is_last=is_last):
                        target.write_image(painter.paint(frame), frame)
                        progress.advance(task)
                elif target.keeps_sound:
                    target.write_sound(packet)
                else:
                    target.encode_sound(sound.decode(packet))
        os.replace(part, out)


def check_output(out: str | Path, *, source: str | Path) -> Path:
    """Check that a video can be written, before it is segmented.

    Args:
        out (str | Path): Output file; its folder is created if missing.
        source (str | Path): The video that is read.

    Returns:
        Path: ``out``.

    Raises:
        ValueError: If ``out`` does not end in ``.mp4``, is the source or a
            folder, or its folder cannot be created or written to.
    """
    out = Path(out)
    if out.suffix.lower() != '.mp4':
        raise ValueError(f'{out}: expected a file name that ends in .mp4.')
    if out.resolve() == Path(source).resolve():
        raise ValueError(
            f'{out}: expected another file than the video that is read; '
            'choose another name.'
        )
    if out.is_dir():
        raise ValueError(f'{out}: expected a file to write, got a folder.')
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f'{out}: expected a folder that exists or can be created, got '
            f'{error.strerror!r} for {out.parent}; choose another folder.'
        ) from error
    if not os.access(out.parent, os.W_OK):
        raise ValueError(
            f'{out}: expected a folder to write to, got one without write '
            'permission; choose another folder.'
        )
    return out


class _Painter:
    """Draws on each frame the mask of the frame's second.

    Args:
        facts (VideoFacts): Of the video.
        masks (Iterable[np.ndarray]): See :func:`write_overlay`.
        palette (Sequence[Sequence[int]]): See :func:`write_overlay`.
        classes (Sequence[str] | None): See :func:`write_overlay`.
        alpha (float): See :func:`write_overlay`.
    """

    def __init__(
        self,
        facts: VideoFacts,
        masks: Iterable[np.ndarray],
        *,
        palette: Sequence[Sequence[int]],
        classes: Sequence[str] | None,
        alpha: float,
    ) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f'alpha must be in 0..1, got {alpha}.')
        self.facts = facts
        self._masks = iter(masks)
        self._palette = np.asarray(palette)
        self._classes = classes
        self._alpha = alpha
        self._second = -1
        self._darker = ((1 - alpha) * np.arange(256)).round().astype(np.uint8)

    def paint(self, frame: VideoFrame) -> np.ndarray:
        """Draw the mask on a frame: (H, W, 3) uint8 RGB."""
        second = int(seconds_in(frame, self.facts))
        while self._second < min(second, self.facts.num_seconds - 1):
            self._next_mask()
        image = to_upright_rgb(frame, self.facts)
        image[self._painted] = self._darker[image[self._painted]] + self._tint
        image[self._edge] = self._edge_colours
        height, width = self._legend.shape[:2]
        image[:height, :width] = self._legend
        return image

    def _next_mask(self) -> None:
        self._second += 1
        mask = next(self._masks, None)
        size = (self.facts.height, self.facts.width)
        if mask is None or mask.shape != size:
            got = 'none' if mask is None else f'one of {mask.shape}'
            raise ValueError(
                f'expected a mask of {size} for each of the '
                f'{self.facts.num_seconds} seconds of {self.facts.path}, got '
                f'{got} for second {self._second}.'
            )
        if mask.max() >= len(self._palette):
            raise ValueError(
                f'expected a colour for class {mask.max()} of second '
                f'{self._second}, got a palette of {len(self._palette)} '
                'colours.'
            )
        self._painted = mask > 0
        colours = self._palette[mask[self._painted]]
        self._tint = (self._alpha * colours).astype(np.uint8)
        # A red tint alone is hard to see on a red object.
        width = max(1, round(min(size) / _SIZE_PER_EDGE_WIDTH))
        inside = binary_erosion(
            self._painted, iterations=width, border_value=True
        )
        self._edge = self._painted & ~inside
        self._edge_colours = self._palette[mask[self._edge]]
        self._legend = np.zeros((0, 0, 3), np.uint8)
        if self._classes is not None:
            self._legend = draw_legend(
                mask, classes=self._classes, palette=self._palette.tolist()
            )


class _OverlayFile:
    """An mp4 file with an H.264 track and a sound track.

    Args:
        path (Path): Output file.
        facts (VideoFacts): Facts of the input video.
        picture (VideoStream): Picture track of the input, for time base,
            aspect ratio and colours.
        sound (AudioStream): Sound track of the input.
        begin (Fraction): First time stamp of the input, in seconds; becomes 0.
    """

    def __init__(
        self,
        path: Path,
        facts: VideoFacts,
        *,
        picture: VideoStream,
        sound: AudioStream,
        begin: Fraction,
    ) -> None:
        self.keeps_sound = facts.sound_codec in _COPIED_CODECS
        self._path = path
        self._begin = begin
        self._last_pts: int | None = None
        self._picture_unit = picture.time_base or Fraction(1, av.time_base)
        self._sound_unit = Fraction(1, sound.rate)
        with _writing(path):
            self._file = av.open(
                str(path), 'w', format='mp4', options=_MP4_OPTIONS
            )
            self._picture = _add_picture(self._file, picture, facts)
            self._picture.codec_context.time_base = self._picture_unit
            if self.keeps_sound:
                self._sound = self._file.add_stream_from_template(sound)
            else:
                self._sound = _add_aac(self._file, sound)

    def __enter__(self) -> _OverlayFile:
        return self

    def __exit__(self, error_type: type | None, *error: object) -> None:
        if error_type is None:
            with _writing(self._path):
                self._file.mux(self._picture.encode(None))
                if not self.keeps_sound:
                    self._file.mux(self._sound.encode(None))
                self._file.close()
            return
        # The file is discarded, and an error while closing it would hide the
        # cause.
        with suppress(av.error.FFmpegError):
            self._file.close()

    def write_image(self, image: np.ndarray, frame: VideoFrame) -> None:
        """Write an image (H, W, 3) uint8 RGB at the time of a frame."""
        new = VideoFrame.from_ndarray(image, format='rgb24')
        _move(new, time_of(frame) - self._begin, self._picture_unit)
        if self._last_pts is not None:
            # The encoder requires time stamps that increase.
            new.pts = max(new.pts or 0, self._last_pts + 1)
        self._last_pts = new.pts
        new.duration = frame.duration
        # Otherwise FFmpeg uses the matrix of standard definition.
        new.colorspace = self._picture.codec_context.colorspace
        with _writing(self._path):
            self._file.mux(self._picture.encode(new))

    def write_sound(self, packet: av.Packet) -> None:
        """Copy a packet of the input."""
        # pts and dts are equal for sound, and AVI has only one of them.
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:  # the empty packet at the end of the track
            return
        packet.pts = stamp - round(self._begin / packet.time_base)
        packet.dts = packet.pts
        packet.stream = self._sound
        with _writing(self._path):
            self._file.mux(packet)

    def encode_sound(self, frames: Sequence[AudioFrame]) -> None:
        """Encode decoded sound of the input."""
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
    target: OutputContainer, picture: VideoStream, facts: VideoFacts
) -> VideoStream:
    """Add an H.264 track with the input's aspect ratio and colours."""
    rate = Fraction(facts.fps).limit_denominator(1001)
    stream = target.add_stream('libx264', rate=rate, options=_X264_OPTIONS)
    stream.width, stream.height = facts.width, facts.height
    # 4:2:0 subsamples both sides by 2, so both must be even.
    is_even = facts.width % 2 == 0 and facts.height % 2 == 0
    stream.pix_fmt = 'yuv420p' if is_even else 'yuv444p'
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


def _add_aac(target: OutputContainer, sound: AudioStream) -> AudioStream:
    """Add an AAC track; more than two channels are mixed to stereo."""
    rate = sound.rate if sound.rate in _AAC_RATES else 48000
    # sound.layout cannot be used: PCM often has none, which the encoder
    # rejects.
    layout = 'mono' if sound.channels == 1 else 'stereo'
    return target.add_stream('aac', rate=rate, layout=layout)

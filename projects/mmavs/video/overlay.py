"""Write a video with an overlay of its masks, keeping its sound."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ..datasets.metainfo import BINARY_PALETTE
from .container import find_picture, find_sound, open_video
from .frames import seconds_in
from .mask_times import MaskTimes
from .overlay_file import FORMATS, OverlayFile
from .painter import Painter
from .reading import VideoFacts
from .tracks import DisplayOrder, time_of
from .working_folder import working_folder


def write_overlay(
    facts: VideoFacts,
    masks: Iterable[np.ndarray],
    out: str | Path,
    *,
    times: MaskTimes | None = None,
    palette: Sequence[Sequence[int]] = BINARY_PALETTE,
    classes: Sequence[str] | None = None,
    alpha: float = 0.5,
    on_frame: Callable[[float], None] | None = None,
) -> None:
    """Write the video as mp4 or WebM with a mask drawn on each frame.

    mp4 has H.264 pictures, WebM VP9. The number of frames, their time stamps
    and, after rotation, their size do not change; WebM rounds time stamps to
    milliseconds. Sound in a codec that mp4 supports is copied bit for bit,
    other sound is encoded as AAC; in WebM all sound is encoded as Opus. The
    iterator of masks is advanced as they are needed, so that masks can be
    computed on the fly; only a few frames and one mask are in memory. The
    file is written to a hidden folder and renamed when it is complete. Files
    of killed runs in that folder are removed.

    Args:
        facts (VideoFacts): Of the video, from ``scan_video``.
        masks (Iterable[np.ndarray]): One (H, W) uint8 array of class ids at
            the size of the frames for each of ``times``; 0 is not coloured.
        out (str | Path): Output file; ends in ``.mp4`` or ``.webm``.
        times (MaskTimes | None): Defines which frames get which mask.
            Defaults to None: one mask per second.
        palette (Sequence[Sequence[int]]): RGB of each class id.
        classes (Sequence[str] | None): Name of each class id; those of a
            mask are listed in the upper left corner. None lists nothing.
        alpha (float): Weight of the colour, 0..1; the outline of a mask is
            drawn in full colour.
        on_frame (Callable[[float], None] | None): Called after each frame
            with its time in seconds, for example to show progress.

    Raises:
        ValueError: If ``out`` cannot be written, ``alpha`` is outside
            0..1, there are too few masks, one has another size or a class
            without a colour, or the video cannot be decoded to its end.
        OSError: If writing fails, for instance on a full disk.
    """
    out = check_output(out, source=facts.path)
    painter = Painter(
        facts,
        masks,
        times=times or MaskTimes(facts),
        palette=palette,
        classes=classes,
        alpha=alpha,
    )
    with working_folder(out) as folder:
        part = folder / out.name
        _encode(facts, painter, part, on_frame)
        os.replace(part, out)


def _encode(
    facts: VideoFacts,
    painter: Painter,
    out: Path,
    on_frame: Callable[[float], None] | None,
) -> None:
    """Decode the video, draw on its frames, and write it."""
    with open_video(facts.path) as source:
        picture = find_picture(source, facts.path)
        sound = find_sound(source)
        begin = Fraction(source.start_time or 0, av.time_base)
        with OverlayFile(
            out, facts, picture=picture, sound=sound, begin=begin
        ) as target:
            order = DisplayOrder()
            for packet in source.demux([s for s in (picture, sound) if s]):
                if packet.stream.index == picture.index:
                    # The last packet is empty and flushes the decoder.
                    is_last = packet.size == 0 and packet.dts is None
                    frames = picture.decode(packet)
                    for frame in order.add(frames, is_last=is_last):
                        canvas = target.new_canvas(frame)
                        painter.paint(canvas, seconds_in(frame, facts))
                        target.write_picture(canvas, frame)
                        if on_frame is not None:
                            on_frame(float(time_of(frame) - facts.start))
                elif target.keeps_sound:
                    target.write_sound(packet)
                elif sound is not None:
                    target.encode_sound(sound.decode(packet))


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
    if out.suffix.lower() not in FORMATS:
        raise ValueError(
            f'{out}: expected a file name that ends in {" or ".join(FORMATS)}.'
        )
    if os.path.realpath(out) == os.path.realpath(source):
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

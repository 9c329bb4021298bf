"""Make tiny video files whose frames carry their own number, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

#: Grey steps that survive lossy codecs; two of them number 256 frames.
_NUM_STEPS = 16
_SAMPLES_PER_FRAME = 1024


def numbered_image(number: int, size: tuple[int, int]) -> np.ndarray:
    """Image (H, W, 3): left half number // 16, right half number % 16."""
    image = np.empty((*size, 3), np.uint8)
    for half, digit in zip(
        (slice(0, size[1] // 2), slice(size[1] // 2, None)),
        divmod(number, _NUM_STEPS),
        strict=True,
    ):
        image[:, half] = 8 + digit * 16
    return image


def number_of(image: np.ndarray) -> int:
    """Read the number back, from the quarters' middles."""
    width = image.shape[1]
    left = image[:, : width // 2 - 2].mean()
    right = image[:, width // 2 + 2 :].mean()
    return int(left // 16) * _NUM_STEPS + int(right // 16)


def siren(times: np.ndarray) -> np.ndarray:
    """Tone that rises with time, so that a shift shows: 300 to 900 Hz."""
    return 0.5 * np.sin(2 * np.pi * (300 + 100 * times) * times)


def make_video(
    path: Path,
    *,
    size: tuple[int, int] = (48, 64),
    fps: Fraction | int = 25,
    seconds: float = 2.2,
    times: Sequence[float] | None = None,
    codec: str = 'libx264',
    sound_codec: str | None = 'aac',
    sample_rate: int = 44100,
    layout: str = 'stereo',
    sound: Callable[[np.ndarray], np.ndarray] = siren,
    sound_span: tuple[float, float] | None = None,
    rotation: int = 0,
    image: Callable[[int, tuple[int, int]], np.ndarray] = numbered_image,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a video; the suffix of ``path`` chooses the container.

    Args:
        path (Path): Where to write.
        size (tuple[int, int]): (H, W) as stored.
        fps (Fraction | int): Frames per second.
        seconds (float): Length of the picture.
        times (Sequence[float] | None): Times of the frames instead of even
            ones, in seconds, whole milliseconds.
        codec (str): FFmpeg's encoder of the picture.
        sound_codec (str | None): FFmpeg's encoder of the sound; None: no
            sound track.
        sample_rate (int): Of the sound.
        layout (str): Channels of the sound.
        sound (Callable): Times in seconds to samples (S,) or (channels, S).
        sound_span (tuple[float, float] | None): First and last second of the
            sound on the clock of the picture; as long as the picture if None.
        rotation (int): Degrees of the display matrix, counter-clockwise.
        image (Callable): Number and size to the image of a frame.
        container_options (dict[str, str] | None): For the container.

    Returns:
        Path: ``path``.
    """
    fps = Fraction(fps)
    if times is None:
        times = [float(n / fps) for n in range(int(seconds * fps))]
        unit = 1 / fps
    else:
        unit = Fraction(1, 1000)
    options = dict(container_options or {})
    if path.suffix == '.mp4':
        # Or a late track starts on a whole millisecond.
        options['movie_timescale'] = '90000'
    with av.open(str(path), 'w', options=options) as file:
        picture = file.add_stream(codec, rate=fps)
        picture.height, picture.width = size
        odd = size[0] % 2 or size[1] % 2
        picture.pix_fmt = 'yuv444p' if odd else 'yuv420p'
        picture.codec_context.time_base = unit
        picture.codec_context.thread_count = 1
        if rotation:
            picture.set_display_rotation(rotation)
        track = None
        if sound_codec is not None:
            track = file.add_stream(
                sound_codec, rate=sample_rate, layout=layout
            )
            _write_sound(file, track, sound, sound_span or (0, seconds))
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(
                image(number, size), format='rgb24'
            )
            frame.time_base, frame.pts = unit, round(Fraction(time) / unit)
            file.mux(picture.encode(frame))
        file.mux(picture.encode(None))
    return path


def _write_sound(
    file: av.container.OutputContainer,
    track: av.AudioStream,
    sound: Callable[[np.ndarray], np.ndarray],
    span: tuple[float, float],
) -> None:
    rate = track.rate
    first, last = (round(second * rate) for second in span)
    samples = np.atleast_2d(sound(np.arange(first, last) / rate))
    samples = np.broadcast_to(samples, (track.channels, last - first))
    # In small pieces, so that PCM packets are interleaved with pictures.
    for piece in range(0, last - first, _SAMPLES_PER_FRAME):
        chosen = samples[:, piece : piece + _SAMPLES_PER_FRAME]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(chosen, np.float32),
            format='fltp',
            layout=track.layout,
        )
        frame.sample_rate = rate
        frame.time_base, frame.pts = Fraction(1, rate), first + piece
        file.mux(track.encode(frame))
    file.mux(track.encode(None))

"""Write a video of any length, for measurements."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

_SAMPLE_RATE, _SAMPLES_PER_FRAME = 44100, 1024


def write_moving_picture(
    path: Path, size: tuple[int, int], *, fps: int, seconds: int
) -> None:
    """Write a picture that moves sideways, and a tone in stereo.

    The picture is smooth noise, so that it takes as long to encode as a
    photograph that the camera pans over.

    Args:
        path (Path): MP4 file to write: H.264 and AAC at 44.1 kHz.
        size (tuple[int, int]): Height and width.
        fps (int): Frames per second.
        seconds (int): Length.
    """
    height, width = size
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (-(-height // 16), -(-width // 16), 3))
    image = coarse.repeat(16, 0).repeat(16, 1)[:height, :width]
    image = (image + rng.integers(0, 32, image.shape)).clip(0, 255)
    image = image.astype(np.uint8)
    with av.open(str(path), 'w') as file:
        picture = file.add_stream('libx264', rate=fps)
        picture.height, picture.width = size
        picture.pix_fmt = 'yuv420p'
        picture.options = dict(preset='veryfast')
        sound = file.add_stream('aac', rate=_SAMPLE_RATE, layout='stereo')
        for second in range(seconds):
            for number in range(second * fps, (second + 1) * fps):
                shown = np.ascontiguousarray(np.roll(image, number, axis=1))
                frame = av.VideoFrame.from_ndarray(shown, format='rgb24')
                frame.pts, frame.time_base = number, Fraction(1, fps)
                file.mux(picture.encode(frame))
            _write_second(file, sound, second)
        file.mux(picture.encode(None))
        file.mux(sound.encode(None))


def _write_second(
    file: av.container.OutputContainer, sound: av.AudioStream, second: int
) -> None:
    first, last = second * _SAMPLE_RATE, (second + 1) * _SAMPLE_RATE
    times = np.arange(first, last) / _SAMPLE_RATE
    tone = 0.3 * np.sin(2 * np.pi * (300 + 20 * (second % 20)) * times)
    samples = np.stack([tone, tone]).astype(np.float32)
    for place in range(0, _SAMPLE_RATE, _SAMPLES_PER_FRAME):
        piece = samples[:, place : place + _SAMPLES_PER_FRAME]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(piece), format='fltp', layout='stereo'
        )
        frame.sample_rate = _SAMPLE_RATE
        frame.pts, frame.time_base = first + place, Fraction(1, _SAMPLE_RATE)
        file.mux(sound.encode(frame))

"""Write a video of any length, for measurements."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

#: Samples per second of the sound.
SAMPLE_RATE = 44100
_SAMPLES_PER_FRAME = 1024
#: Standard deviation of the brightness and of each colour, in 0..255.
_CONTRAST, _COLOUR_CONTRAST = 50.0, 12.0
#: Radii (vertical, horizontal) of the objects, as parts of the sides.
_OBJECT_RADII = ((0.35, 0.16), (0.2, 0.14), (0.12, 0.1))
#: Seconds in which an object moves once along its ellipse.
_OBJECT_PERIODS = (8.0, 5.0, 3.0)


def write_moving_picture(
    path: Path, size: tuple[int, int], *, fps: int, seconds: int
) -> None:
    """Write textured objects that move over a panned texture, and a tone.

    The amplitude of the textures is the inverse of their spatial frequency,
    as in photographs, so that the video is about as hard to encode as one
    from a camera.

    Args:
        path (Path): MP4 file to write: H.264, and AAC in stereo at 44.1 kHz.
        size (tuple[int, int]): Height and width.
        fps (int): Frames per second.
        seconds (int): Length.
    """
    rng = np.random.default_rng(0)
    background = _texture(rng, size)
    objects = [_object(rng, size, radii) for radii in _OBJECT_RADII]
    with av.open(str(path), 'w') as file:
        picture = file.add_stream('libx264', rate=fps)
        picture.height, picture.width = size
        picture.pix_fmt = 'yuv420p'
        picture.options = dict(preset='veryfast')
        sound = file.add_stream('aac', rate=SAMPLE_RATE, layout='stereo')
        for second in range(seconds):
            for number in range(second * fps, (second + 1) * fps):
                # The background moves by 1/12 of its width per second.
                shift = round(number / fps * size[1] / 12)
                shown = np.roll(background, shift, axis=1)
                _draw_objects(shown, objects, number / fps)
                frame = av.VideoFrame.from_ndarray(shown, format='rgb24')
                frame.pts, frame.time_base = number, Fraction(1, fps)
                file.mux(picture.encode(frame))
            _write_second(file, sound, second)
        file.mux(picture.encode(None))
        file.mux(sound.encode(None))


def _texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Make an image (H, W, 3) uint8 with amplitudes 1 / frequency."""

    def plane(contrast: float) -> np.ndarray:
        noise = np.fft.rfft2(rng.standard_normal(size))
        rows = np.fft.fftfreq(size[0])[:, None]
        frequency = np.hypot(rows, np.fft.rfftfreq(size[1]))
        frequency[0, 0] = np.inf  # mean 0
        values = np.fft.irfft2(noise / frequency, s=size)
        return values * (contrast / values.std())

    brightness = 128 + plane(_CONTRAST)
    colours = np.stack([plane(_COLOUR_CONTRAST) for _ in range(3)], -1)
    image = (brightness[..., None] + colours).clip(0, 255)
    return image.astype(np.uint8)


def _object(
    rng: np.random.Generator,
    size: tuple[int, int],
    radii: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Make a textured ellipse: image (h, w, 3) and shape (h, w)."""
    height, width = (
        max(round(2 * radius * side), 2)
        for radius, side in zip(radii, size, strict=True)
    )
    rows = np.linspace(-1, 1, height)[:, None]
    columns = np.linspace(-1, 1, width)
    return _texture(rng, (height, width)), rows**2 + columns**2 < 1


def _draw_objects(
    image: np.ndarray,
    objects: list[tuple[np.ndarray, np.ndarray]],
    time: float,
) -> None:
    """Draw each object at its place on an ellipse at a time in seconds."""
    for (texture, shape), period in zip(objects, _OBJECT_PERIODS, strict=True):
        angle = 2 * np.pi * time / period
        height, width = shape.shape
        top = round((image.shape[0] - height) * (1 + np.sin(angle)) / 2)
        left = round((image.shape[1] - width) * (1 + np.cos(angle)) / 2)
        place = image[top : top + height, left : left + width]
        place[shape] = texture[shape]


def _write_second(
    file: av.container.OutputContainer, sound: av.AudioStream, second: int
) -> None:
    first, last = second * SAMPLE_RATE, (second + 1) * SAMPLE_RATE
    times = np.arange(first, last) / SAMPLE_RATE
    tone = 0.3 * np.sin(2 * np.pi * (300 + 20 * (second % 20)) * times)
    samples = np.stack([tone, tone]).astype(np.float32)
    for place in range(0, SAMPLE_RATE, _SAMPLES_PER_FRAME):
        piece = samples[:, place : place + _SAMPLES_PER_FRAME]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(piece), format='fltp', layout='stereo'
        )
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = first + place, Fraction(1, SAMPLE_RATE)
        file.mux(sound.encode(frame))

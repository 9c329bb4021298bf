"""Synthetic scenes of moving objects, some of which sound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import timbres
from .classes import SyntheticClass
from .looks import draw_object
from .timbres import SAMPLE_RATE

#: Second t of a clip is VGGish's example t: it starts at 0.96 t, and its last
#: window extends 15 ms into the next. A source therefore starts 15 ms late,
#: so that no example contains a source that its label does not show.
SECOND = 0.96
_OVERLAP = 0.015
_FADE = 0.005
_NOISE_FLOOR = 0.001
#: Brightness and gain of an object at level 0; both are 1 at level 1.
_DARKEST, _SOFTEST = 0.45, 0.125


class SceneObject(NamedTuple):
    """An object of a scene; lengths are fractions of the frame's side.

    Attributes:
        kind (SyntheticClass): Its class.
        colour (np.ndarray): (3,) RGB, 0..255.
        radius (float): Radius of the outline's circle.
        centre (np.ndarray): (2,) mean position x, y.
        swing (np.ndarray): (2,) amplitude of the oscillation.
        pace (np.ndarray): (2,) oscillations per second.
        phase (np.ndarray): (2,) radians at time 0.
        angle (float): Radians at time 0.
        spin (float): Radians per second.
        sounding (np.ndarray): (seconds,) bool.
        loudness (float): Root mean square while it sounds.
        levels (np.ndarray | None): (seconds,) in [0, 1], how bright the
            object is in each second, and how loud if it sounds; None for an
            object whose brightness and loudness do not change.
    """

    kind: SyntheticClass
    colour: np.ndarray
    radius: float
    centre: np.ndarray
    swing: np.ndarray
    pace: np.ndarray
    phase: np.ndarray
    angle: float
    spin: float
    sounding: np.ndarray
    loudness: float
    levels: np.ndarray | None = None

    def position(self, time: np.ndarray) -> np.ndarray:
        """(K,) seconds -> (K, 2) x, y."""
        turn = 2 * np.pi * self.pace * time[:, None] + self.phase
        return self.centre + self.swing * np.sin(turn)

    def colour_at(self, time: float) -> np.ndarray:
        """Seconds -> (3,) RGB, 0..255."""
        if self.levels is None:
            return self.colour
        level = self.levels[_second_of(np.array(time), self.levels)]
        return self.colour * _DARKEST ** (1 - level)

    def gain(self, seconds: np.ndarray) -> np.ndarray | float:
        """(S,) times of samples -> (S,) in [0, 1]; changes 15 ms late."""
        if self.levels is None:
            return 1.0
        level = self.levels[_second_of(seconds - _OVERLAP, self.levels)]
        return _SOFTEST ** (1 - level)


class Scene(NamedTuple):
    """Objects on a background.

    Attributes:
        background (np.ndarray): (size, size, 3) float, RGB 0..255.
        objects (tuple[SceneObject, ...]): The objects; they never touch.
    """

    background: np.ndarray
    objects: tuple[SceneObject, ...]

    def frame(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Draw the scene at a time.

        Args:
            time (float): Seconds.

        Returns:
            tuple[np.ndarray, np.ndarray]: The picture (size, size, 3) uint8
            RGB, and (size, size) int64, the object at each pixel: its index
            in ``objects`` plus 1, or 0.
        """
        frame = self.background.copy()
        owner = np.zeros(frame.shape[:2], dtype=np.int64)
        for number, item in enumerate(self.objects, start=1):
            x, y = item.position(np.array([time]))[0]
            pixels = draw_object(
                frame,
                centre=(x, y),
                radius=item.radius,
                angle=item.angle + item.spin * time,
                outline=item.kind.outline,
                texture=item.kind.texture,
                colour=item.colour_at(time),
            )
            owner[pixels] = number
        return frame.round().clip(0, 255).astype(np.uint8), owner

    def sound(self, rng: np.random.Generator, duration: float) -> np.ndarray:
        """Synthesise the sound of all sources.

        Args:
            rng (np.random.Generator): Random generator.
            duration (float): Seconds.

        Returns:
            np.ndarray: (S,) float64 in [-1, 1] at :data:`SAMPLE_RATE`.
        """
        seconds = np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE
        mix = _NOISE_FLOOR * rng.normal(size=len(seconds))
        for item in self.objects:
            if item.sounding.any():
                tone = item.kind.timbre(rng, seconds)
                gate = sound_gate(item.sounding, seconds) * item.gain(seconds)
                mix += timbres.level(tone, item.loudness) * gate
        return mix.clip(-1, 1)


def _second_of(time: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Times -> seconds of 0.96 s; the last one has no end."""
    return np.clip(time // SECOND, 0, len(levels) - 1).astype(int)


def sound_gate(sounding: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Compute when a source is audible; it starts 15 ms late.

    Args:
        sounding (np.ndarray): (seconds of the clip,) bool. The time after the
            last second is treated as the last second.
        seconds (np.ndarray): (S,) times of the samples.

    Returns:
        np.ndarray: (S,) in [0, 1].
    """
    gate = np.zeros(len(seconds))
    edges = np.flatnonzero(np.diff(np.r_[False, sounding, False]))
    for first, last in edges.reshape(-1, 2):
        start = SECOND * first + (_OVERLAP if first else 0)
        stop = SECOND * last if last < len(sounding) else np.inf
        rise = np.clip((seconds - start) / _FADE, 0, 1)
        gate += rise * np.clip((stop - seconds) / _FADE, 0, 1)
    return gate

"""Synthetic scenes of moving objects, some of which sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..metainfo import AVSBENCH_CLASSES
from . import timbres
from .looks import draw_background, draw_object, hue_to_rgb
from .timbres import SAMPLE_RATE, Timbre

#: Second t of a clip is VGGish's example t: it starts at 0.96 t, and its last
#: window extends 15 ms into the next. A source therefore starts 15 ms late,
#: so that no example contains a source that its label does not show.
SECOND = 0.96
_OVERLAP = 0.015
_FADE = 0.005
_NOISE_FLOOR = 0.001


class SyntheticClass(NamedTuple):
    """One of the 71 classes with its appearance and its timbre.

    Attributes:
        name (str): One of :data:`AVSBENCH_CLASSES`.
        hue (float): Degrees; the hue of an object differs by up to 8.
        outline (str): See :data:`mmavs.datasets.synthetic.looks.OUTLINES`.
        texture (str): See :data:`mmavs.datasets.synthetic.looks.TEXTURES`.
        timbre (Timbre): See :mod:`mmavs.datasets.synthetic.timbres`.
    """

    name: str
    hue: float
    outline: str
    texture: str
    timbre: Timbre

    @property
    def class_id(self) -> int:
        """Position among the 71 classes."""
        return AVSBENCH_CLASSES.index(self.name)


SYNTHETIC_CLASSES = (
    SyntheticClass('violin', 0, 'triangle', 'stripes', timbres.bowed),
    SyntheticClass('bird', 55, 'disc', 'dots', timbres.chirps),
    SyntheticClass('helicopter', 120, 'cross', 'plain', timbres.rotor),
    SyntheticClass('bell', 180, 'square', 'checks', timbres.struck),
    SyntheticClass('emergency-car', 235, 'ellipse', 'stripes', timbres.siren),
    SyntheticClass('dog', 300, 'diamond', 'plain', timbres.barks),
    SyntheticClass('clock', 28, 'half-disc', 'checks', timbres.ticks),
    SyntheticClass('flute', 270, 'bar', 'dots', timbres.breath),
    # Same timbre and hue as the first six, but another shape.
    SyntheticClass('cello', 0, 'bar', 'plain', timbres.bowed),
    SyntheticClass('parrot', 55, 'triangle', 'checks', timbres.chirps),
    SyntheticClass('airplane', 120, 'diamond', 'stripes', timbres.rotor),
    SyntheticClass('handpan', 180, 'ellipse', 'plain', timbres.struck),
    SyntheticClass('train', 235, 'square', 'plain', timbres.siren),
    SyntheticClass('wolf', 300, 'disc', 'stripes', timbres.barks),
)

#: Objects in a scene -> probability.
NUM_OBJECTS = {2: 0.25, 3: 0.75}
#: v1m: objects in the scene -> number of sources -> probability. Sources may
#: sound; the other objects are silent distractors.
NUM_SOURCES = {2: {1: 0.4, 2: 0.6}, 3: {2: 0.6, 3: 0.4}}
#: v1m: number of sources -> number that sound in a second -> probability.
NUM_SOUNDING = {
    1: {0: 0.15, 1: 0.85},
    2: {0: 0.15, 1: 0.62, 2: 0.23},
    3: {0: 0.15, 1: 0.62, 2: 0.2, 3: 0.03},
}


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

    def position(self, time: np.ndarray) -> np.ndarray:
        """(K,) seconds -> (K, 2) x, y."""
        turn = 2 * np.pi * self.pace * time[:, None] + self.phase
        return self.centre + self.swing * np.sin(turn)


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
                colour=item.colour,
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
                gate = sound_gate(item.sounding, seconds)
                mix += timbres.level(tone, item.loudness) * gate
        return mix.clip(-1, 1)


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


def sample_scene(
    rng: np.random.Generator,
    *,
    subset: str,
    num_seconds: int,
    size: int,
    classes: Sequence[SyntheticClass],
) -> Scene:
    """Draw a random scene.

    The frames do not depend on which objects sound, so the sounding objects
    can only be found from the sound.

    Args:
        rng (np.random.Generator): Random generator.
        subset (str): ``'v1s'``: one object sounds all the time. Otherwise a
            new random set of sources sounds in each second.
        num_seconds (int): Seconds of 0.96 s.
        size (int): Side of the frames in pixels.
        classes (Sequence[SyntheticClass]): At least 3 to choose from.

    Returns:
        Scene: Objects of classes with different timbres.
    """
    num_objects = _choose(rng, NUM_OBJECTS)
    kinds = _sample_kinds(rng, classes, num_objects)
    sounding = _sample_sounding(rng, subset, num_objects, num_seconds)
    times = np.linspace(0, SECOND * num_seconds, 8 * num_seconds)
    largest = 0.22
    while True:
        objects = tuple(
            _sample_object(rng, kind, row, largest)
            for kind, row in zip(kinds, sounding, strict=True)
        )
        if _apart(objects, times):
            return Scene(draw_background(rng, size), objects)
        # Objects get smaller until they fit, so the loop ends.
        largest = max(0.998 * largest, 0.12)


def _sample_kinds(
    rng: np.random.Generator,
    classes: Sequence[SyntheticClass],
    num_objects: int,
) -> list[SyntheticClass]:
    """Draw classes with different timbres."""
    families: dict[Timbre, list[SyntheticClass]] = {}
    for kind in classes:
        families.setdefault(kind.timbre, []).append(kind)
    members = list(families.values())
    chosen = rng.choice(len(members), num_objects, replace=False)
    # A timbre with a single class draws no number.
    return [
        members[i][rng.integers(len(members[i]))]
        if len(members[i]) > 1
        else members[i][0]
        for i in chosen
    ]


def _sample_object(
    rng: np.random.Generator,
    kind: SyntheticClass,
    sounding: np.ndarray,
    largest: float,
) -> SceneObject:
    radius = rng.uniform(0.75, 1) * largest
    swing = rng.uniform(0.02, 0.08, size=2)
    margin = radius + swing
    return SceneObject(
        kind=kind,
        colour=hue_to_rgb(
            kind.hue + rng.uniform(-8, 8),
            rng.uniform(0.75, 1),
            rng.uniform(0.75, 1),
        ),
        radius=radius,
        centre=rng.uniform(margin, 1 - margin),
        swing=swing,
        pace=rng.uniform(0.1, 0.3, size=2),
        phase=rng.uniform(0, 2 * np.pi, size=2),
        angle=rng.uniform(-0.4, 0.4),
        spin=rng.uniform(-0.15, 0.15),
        sounding=sounding,
        loudness=rng.uniform(0.05, 0.08),
    )


def _sample_sounding(
    rng: np.random.Generator, subset: str, num_objects: int, num_seconds: int
) -> np.ndarray:
    """Draw which objects sound when: (num_objects, num_seconds) bool."""
    sounding = np.zeros((num_objects, num_seconds), dtype=bool)
    order = rng.permutation(num_objects)
    if subset == 'v1s':
        sounding[order[0]] = True
        return sounding
    sources = order[: _choose(rng, NUM_SOURCES[num_objects])]
    for second in range(num_seconds):
        number = _choose(rng, NUM_SOUNDING[len(sources)])
        now = rng.choice(sources, number, replace=False)
        sounding[now, second] = True
    return sounding


def _apart(objects: Sequence[SceneObject], times: np.ndarray) -> bool:
    """Return whether no two objects touch at any of the times."""
    paths = [item.position(times) for item in objects]
    return all(
        np.linalg.norm(paths[i] - paths[j], axis=1).min()
        > objects[i].radius + objects[j].radius
        for i in range(len(objects))
        for j in range(i)
    )


def _choose(rng: np.random.Generator, probabilities: dict[int, float]) -> int:
    values = list(probabilities)
    return int(rng.choice(values, p=list(probabilities.values())))

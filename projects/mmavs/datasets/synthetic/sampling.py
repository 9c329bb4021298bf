"""Random scenes: which objects there are, where, and when they sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .classes import SyntheticClass
from .looks import draw_background, hue_to_rgb
from .scene import SECOND, Scene, SceneObject
from .timbres import Timbre

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
#: Option ``correspondence`` -> what it ties together.
CORRESPONDENCES = ('none', 'brightness')


def check_options(long_tail: float, correspondence: str) -> None:
    """Check the options of :func:`sample_scene`.

    Args:
        long_tail (float): See there.
        correspondence (str): See there.

    Raises:
        ValueError: If one is out of range.
    """
    if long_tail < 0:
        raise ValueError(
            f'long_tail must be an exponent of at least 0, got {long_tail}'
        )
    if correspondence not in CORRESPONDENCES:
        raise ValueError(
            f'correspondence must be one of {CORRESPONDENCES}, got '
            f'{correspondence!r}'
        )


def sample_scene(
    rng: np.random.Generator,
    *,
    subset: str,
    num_seconds: int,
    size: int,
    classes: Sequence[SyntheticClass],
    long_tail: float = 0.0,
    correspondence: str = 'none',
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
        long_tail (float): Exponent a: of the classes with the same timbre,
            the n-th is drawn with a probability proportional to n ** -a. 0
            makes them equally likely.
        correspondence (str): ``'none'``, or ``'brightness'``: the brightness
            of every object changes from second to second, and the loudness of
            those that sound changes with it. This ties sounds to objects
            without regard to classes.

    Returns:
        Scene: Objects of classes with different timbres.
    """
    num_objects = _choose(rng, NUM_OBJECTS)
    kinds = _sample_kinds(rng, classes, num_objects, long_tail)
    sounding = _sample_sounding(rng, subset, num_objects, num_seconds)
    times = np.linspace(0, SECOND * num_seconds, 8 * num_seconds)
    largest = 0.22
    while True:
        objects = tuple(
            _sample_object(rng, kind, row, largest)
            for kind, row in zip(kinds, sounding, strict=True)
        )
        if _apart(objects, times):
            scene = Scene(draw_background(rng, size), objects)
            if correspondence == 'none':
                return scene
            return scene._replace(objects=_with_levels(rng, objects))
        # Objects get smaller until they fit, so the loop ends.
        largest = max(0.998 * largest, 0.12)


def _sample_kinds(
    rng: np.random.Generator,
    classes: Sequence[SyntheticClass],
    num_objects: int,
    long_tail: float,
) -> list[SyntheticClass]:
    """Draw classes with different timbres."""
    families: dict[Timbre, list[SyntheticClass]] = {}
    for kind in classes:
        families.setdefault(kind.timbre, []).append(kind)
    members = list(families.values())
    chosen = rng.choice(len(members), num_objects, replace=False)
    if long_tail:
        return [_sample_member(rng, members[i], long_tail) for i in chosen]
    # A timbre with a single class draws no number.
    return [
        members[i][rng.integers(len(members[i]))]
        if len(members[i]) > 1
        else members[i][0]
        for i in chosen
    ]


def _sample_member(
    rng: np.random.Generator,
    members: Sequence[SyntheticClass],
    long_tail: float,
) -> SyntheticClass:
    """Draw a class; see ``long_tail`` of :func:`sample_scene`."""
    weights = np.arange(1, len(members) + 1) ** -long_tail
    return members[rng.choice(len(members), p=weights / weights.sum())]


def _with_levels(
    rng: np.random.Generator, objects: Sequence[SceneObject]
) -> tuple[SceneObject, ...]:
    """Draw the brightness, which does not depend on what sounds."""
    return tuple(
        item._replace(levels=rng.uniform(size=len(item.sounding)))
        for item in objects
    )


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

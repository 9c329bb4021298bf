"""Synthetic classes: their appearance and their timbre."""

from __future__ import annotations

from typing import NamedTuple

from ..metainfo import AVSBENCH_CLASSES
from . import timbres
from .looks import OUTLINES, TEXTURES
from .timbres import Timbre

_MIN_CLASSES = 3


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

#: Classes with timbres of their own; the others share these timbres.
_FAMILIES = SYNTHETIC_CLASSES[:8]
_MEMBERS_PER_FAMILY = 8


def _member(number: int) -> SyntheticClass:
    """Make a class.

    The classes of a family share timbre and hue, so the sound tells the
    family of an object alone. Two successive members of a family have the
    same outline and differ in texture.
    """
    member, place = divmod(number, len(_FAMILIES))
    family = _FAMILIES[place]
    outlines, textures = list(OUTLINES), list(TEXTURES)
    pair, second = divmod(member, 2)
    return SyntheticClass(
        AVSBENCH_CLASSES[1 + number],
        family.hue,
        outlines[(place + pair) % len(outlines)],
        textures[second + 2 * (pair % 2)],
        family.timbre,
    )


#: The first eight have different timbres; later ones repeat them in turn.
FINE_CLASSES = tuple(
    _member(number) for number in range(len(_FAMILIES) * _MEMBERS_PER_FAMILY)
)


def choose_classes(
    num_classes: int, *, fine_grained: bool = False
) -> tuple[SyntheticClass, ...]:
    """Return the first synthetic classes.

    Args:
        num_classes (int): Number of classes, 3 to 14; 3 to 64 if they are
            fine-grained.
        fine_grained (bool): Choose among
            :data:`FINE_CLASSES`, which are easier to find than to name.

    Returns:
        tuple[SyntheticClass, ...]: The classes.

    Raises:
        ValueError: If ``num_classes`` is out of range.
    """
    classes = FINE_CLASSES if fine_grained else SYNTHETIC_CLASSES
    if not _MIN_CLASSES <= num_classes <= len(classes):
        raise ValueError(
            f'the number of classes must be {_MIN_CLASSES} to '
            f'{len(classes)}, got {num_classes}'
        )
    return classes[:num_classes]

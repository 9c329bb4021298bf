"""Sounds with which a data set is tested, set in its config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import ConfigDict

from .transforms.replace_sound import MADE_SOUNDS

#: Sounds of other clips, and the data set's ``sound_from`` that gives them.
_TAKEN_SOUNDS = {'offscreen': 'offscreen', 'swap': 'next_clip'}
#: Name of the condition with the clips' own sound.
ORIGINAL = 'original'
#: All sounds besides the clips' own.
SOUNDS = ('silence', 'noise', 'offscreen', 'swap', 'shift')


def set_sound(dataset: ConfigDict, sound: str) -> None:
    """Give the clips of a data set another sound.

    Args:
        dataset (ConfigDict): Config of a ``BaseClipDataset``; changed in
            place. Its clips must have their own sound.
        sound (str): One of ``SOUNDS``. ``'silence'``, ``'noise'`` and
            ``'shift'`` are made by ``ReplaceSound``; ``'offscreen'`` and
            ``'swap'`` are sounds of other clips (``sound_from``).

    Raises:
        ValueError: If the sound is unknown, the clips already have another
            one, or the pipeline has no ``LoadWaveform``.
    """
    if sound not in SOUNDS:
        raise ValueError(f'sound must be one of {SOUNDS}, got {sound!r}')
    own = dataset.get('sound_from', 'own')
    if own != 'own':
        raise ValueError(
            "expected a test data set with sound_from='own', got "
            f'{own!r}; remove the option, since each condition sets it.'
        )
    if sound in _TAKEN_SOUNDS:
        dataset.sound_from = _TAKEN_SOUNDS[sound]
        return
    assert sound in MADE_SOUNDS, sound
    dataset.pipeline = insert_after_sound(
        dataset.get('pipeline', ()), dict(type='ReplaceSound', sound=sound)
    )


def insert_after_sound(pipeline: Sequence, transform: dict) -> list:
    """Insert a transform that replaces the sound after it is loaded.

    Args:
        pipeline (Sequence): Configs of transforms, or transforms.
        transform (dict): Config of the transform.

    Returns:
        list: The longer pipeline.

    Raises:
        ValueError: If the pipeline does not have one ``LoadWaveform``.
    """
    names = [_name(step) for step in pipeline]
    if names.count('LoadWaveform') != 1:
        raise ValueError(
            "expected a pipeline with one LoadWaveform, since the clip's "
            f'sound is replaced after it, got {names}.'
        )
    place = names.index('LoadWaveform') + 1
    return [*pipeline[:place], transform, *pipeline[place:]]


def _name(transform: Any) -> str:
    """Return the class name of a transform or of its config."""
    kind = type(transform)
    if isinstance(transform, Mapping):
        kind = transform['type']
    return kind if isinstance(kind, str) else kind.__name__

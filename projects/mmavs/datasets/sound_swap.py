"""Exchange the sounds of clips."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

#: Seed of the draw of off-screen sounds, as in AVSBench-Robust.
_OFFSCREEN_SEED = 42


def rotate_sounds(clips: Sequence[dict]) -> None:
    """Give each clip the sound of the next one of its subset and split.

    The last clip gets the sound of the first. Changes the clips in place.

    Args:
        clips (Sequence[dict]): Entries of clips.

    Raises:
        ValueError: If a subset has a single clip in a split.
    """
    for group in _by_subset_and_split(clips):
        _rotate_group(group)


class OffscreenSounds:
    """The sounds that nothing in a clip makes, for every clip of a data set.

    Such a sound is that of a clip of the same subset and split in which
    something sounds, and no category of it is in the clip.

    Args:
        clips (Sequence[dict]): Entries of clips.
        sounding (Callable): Returns the categories of a clip's sound, see
            ``BaseClipDataset.sound_categories``.
        present (Callable): Returns the categories that an off-screen sound of
            a clip must not have, see ``BaseClipDataset.present_categories``.

    Raises:
        ValueError: If no clip has such a sound.
    """

    def __init__(
        self,
        clips: Sequence[dict],
        sounding: Callable[[dict], frozenset[str]],
        present: Callable[[dict], frozenset[str]],
    ) -> None:
        self._present = present
        self._sounds: dict[tuple[str, str], list[_Sound]] = {}
        for clip in clips:
            group = self._sounds.setdefault(_group_of(clip), [])
            group.append(_Sound(clip['audio_path'], sounding(clip)))
        # Few sets of categories occur, so this is fast on large data sets.
        self._found: dict[tuple, tuple[str, ...]] = {}
        if not any(self.paths(clip) for clip in clips):
            first = clips[0]
            raise ValueError(
                f'clip {first["clip_id"]!r} of {first["subset"]} has the '
                f'categories {sorted(present(first))}; off-screen sounds '
                'need clips of the same subset and split with other '
                'categories, found none for any clip; choose other sounds, '
                "such as sound_from='next_clip'."
            )

    def paths(self, clip: dict) -> tuple[str, ...]:
        """List the off-screen sounds of a clip.

        Args:
            clip (dict): Entry of a clip.

        Returns:
            tuple[str, ...]: Sound files in the order of the clips; empty if
            the categories of the clip leave none.
        """
        group = _group_of(clip)
        present = self._present(clip)
        key = (*group, present)
        if key not in self._found:
            self._found[key] = tuple(
                sound.path
                for sound in self._sounds[group]
                if sound.categories and not present & sound.categories
            )
        return self._found[key]


class _Sound(NamedTuple):
    path: str
    categories: frozenset[str]


def take_offscreen_sounds(
    clips: Sequence[dict], sounds: OffscreenSounds
) -> list[dict]:
    """Give each clip an off-screen sound; leave out clips without any.

    The sound is drawn with a seed made of the clip's name and the number 42.
    Changes the clips in place.

    Args:
        clips (Sequence[dict]): Entries of clips.
        sounds (OffscreenSounds): Their off-screen sounds.

    Returns:
        list[dict]: The clips that got one, at least one clip.
    """
    kept = []
    for clip in clips:
        permitted = sounds.paths(clip)
        if not permitted:
            continue
        name = f'{clip["subset"]}/{clip["clip_id"]}'.encode()
        rng = np.random.default_rng([_OFFSCREEN_SEED, zlib.crc32(name)])
        clip['audio_path'] = permitted[rng.integers(len(permitted))]
        kept.append(clip)
    return kept


def _group_of(clip: dict) -> tuple[str, str]:
    return clip['subset'], clip['split']


def _by_subset_and_split(clips: Sequence[dict]) -> list[list[dict]]:
    groups: dict[tuple[str, str], list[dict]] = {}
    for clip in clips:
        groups.setdefault(_group_of(clip), []).append(clip)
    return list(groups.values())


def _rotate_group(clips: Sequence[dict]) -> None:
    if len(clips) == 1:
        raise ValueError(
            "sound_from='next_clip' needs two clips of each subset, got only "
            f'{clips[0]["clip_id"]!r} of {clips[0]["subset"]}'
        )
    paths = [clip['audio_path'] for clip in clips]
    for clip, path in zip(clips, paths[1:] + paths[:1], strict=True):
        clip['audio_path'] = path

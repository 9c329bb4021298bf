"""Exchange the sounds of clips."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

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


def take_offscreen_sounds(
    clips: Sequence[dict], categories: Callable[[dict], frozenset[str]]
) -> None:
    """Give each clip the sound of a clip of other broad categories.

    The other clip is of the same subset and split, something sounds in it,
    and no category is common to both. It is drawn with a seed made of the
    clip's name and the number 42. Changes the clips in place.

    Args:
        clips (Sequence[dict]): Entries of clips.
        categories (Callable): Returns the categories of a clip, see
            ``BaseClipDataset.sound_categories``.

    Raises:
        ValueError: If there is no such clip for one.
    """
    for group in _by_subset_and_split(clips):
        found = [categories(clip) for clip in group]
        paths = [clip['audio_path'] for clip in group]
        for clip, own in zip(group, found, strict=True):
            permitted = [
                path
                for path, other in zip(paths, found, strict=True)
                if other and not own & other
            ]
            if not permitted:
                raise ValueError(
                    f'clip {clip["clip_id"]!r} of {clip["subset"]} has the '
                    f"categories {sorted(own)}; sound_from='offscreen' needs "
                    'a clip of the same subset and split with other '
                    "categories, found none; choose sound_from='next_clip'."
                )
            name = f'{clip["subset"]}/{clip["clip_id"]}'.encode()
            rng = np.random.default_rng([_OFFSCREEN_SEED, zlib.crc32(name)])
            clip['audio_path'] = permitted[rng.integers(len(permitted))]


def _by_subset_and_split(clips: Sequence[dict]) -> list[list[dict]]:
    groups: dict[tuple[str, str], list[dict]] = {}
    for clip in clips:
        groups.setdefault((clip['subset'], clip['split']), []).append(clip)
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

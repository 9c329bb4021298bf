"""Exchange the sounds of clips."""

from __future__ import annotations

from collections.abc import Sequence


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

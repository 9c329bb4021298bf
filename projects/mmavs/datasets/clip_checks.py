"""Checks of the options and of the clips of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

#: Entries that ``load_clips`` gives for every clip.
_CLIP_KEYS = (
    'clip_id',
    'subset',
    'split',
    'num_frames',
    'frame_paths',
    'mask_paths',
    'audio_path',
)


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise ValueError unless ``value`` is one of ``choices``.

    Args:
        name (str): Name of the value in the message.
        value (str): The value.
        choices (Sequence[str]): Allowed values.
    """
    if value not in choices:
        raise ValueError(f'{name} must be one of {choices}, got {value!r}')


def check_folder_name(name: str, value: str) -> None:
    """Raise ValueError unless ``value`` can be the name of a folder.

    Clip names become part of the paths of written masks.

    Args:
        name (str): Name of the value in the message.
        value (str): The value.
    """
    if not value or value in ('.', '..') or '/' in value or '\\' in value:
        raise ValueError(f'{name} must name a folder, got {value!r}')


def check_indices(indices: int | Sequence[int] | None, count: int) -> None:
    """Raise ValueError if an index is that of no clip, or there is none.

    Args:
        indices (int | Sequence[int] | None): Option of the data set.
        count (int): Number of its clips.
    """
    if indices is not None and not indices:
        raise ValueError(
            f'indices must choose at least one clip, got {indices}; None '
            'chooses all.'
        )
    if indices is None or isinstance(indices, int):
        return  # the first clips, as many as there are
    wrong = [index for index in indices if not -count <= index < count]
    if wrong:
        raise ValueError(
            f'indices must be {-count}..{count - 1}, got {wrong}: the data '
            f'set has {count} clips of this split.'
        )


def check_clips(
    clips: Sequence[Mapping],
    dataset: str,
    subsets: Sequence[str],
    splits: Sequence[str],
) -> None:
    """Raise ValueError for incomplete, inconsistent or repeated clips.

    Args:
        clips (Sequence[Mapping]): What ``load_clips`` returned.
        dataset (str): Name of the data set's class, for the message.
        subsets (Sequence[str]): Its subsets.
        splits (Sequence[str]): Its splits.
    """
    for number, clip in enumerate(clips):
        where = f'{dataset}.load_clips(), clip {number}: '
        missing = [key for key in _CLIP_KEYS if key not in clip]
        if missing:
            raise ValueError(
                f'{where}expected the keys {_CLIP_KEYS}, {missing} missing'
            )
        check_choice(f'{where}subset', clip['subset'], subsets)
        check_choice(f'{where}split', clip['split'], splits)
        check_folder_name(f'{where}clip_id', clip['clip_id'])
        lengths = {k: len(clip[k]) for k in ('frame_paths', 'mask_paths')}
        if set(lengths.values()) != {clip['num_frames']}:
            raise ValueError(
                f'{where}expected num_frames={clip["num_frames"]} paths '
                f'each, got {lengths}'
            )
    names = Counter((clip['subset'], clip['clip_id']) for clip in clips)
    for (subset, clip_id), count in names.most_common(1):
        if count > 1:
            raise ValueError(
                f'{dataset}.load_clips(): clip {clip_id!r} of '
                f'subset {subset!r} occurs {count} times, expected once'
            )

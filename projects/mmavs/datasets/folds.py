"""Folds of the clips, for masks of stage one on clips it did not train on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

PARTS = ('train', 'held_out')

#: Subset, split and name of a clip.
ClipKey = tuple[str, str, str]


class FoldOption(NamedTuple):
    """Which folds of the clips a data set has.

    Attributes:
        num_folds (int): Number of folds K, at least 2.
        number (int): One fold, 0 to K - 1.
        part (str): ``'held_out'``: this fold; ``'train'``: all others.
    """

    num_folds: int
    number: int
    part: str


def parse_fold(cfg: Mapping[str, Any] | None) -> FoldOption | None:
    """Check the option ``fold`` of a data set.

    Args:
        cfg (Mapping[str, Any] | None): ``num_folds``, ``number`` and ``part``.

    Returns:
        FoldOption | None: None if the data set has all clips.

    Raises:
        ValueError: If an entry is missing, unknown or out of range.
    """
    if cfg is None:
        return None
    if set(cfg) != set(FoldOption._fields):
        raise ValueError(
            f'fold has the entries {FoldOption._fields}, got {sorted(cfg)}; '
            "for example fold=dict(num_folds=2, number=0, part='train')."
        )
    option = FoldOption(**cfg)
    check_num_folds(option.num_folds)
    if option.number not in range(option.num_folds):
        raise ValueError(
            f'fold.number must be 0 to {option.num_folds - 1}, got '
            f'{option.number!r}'
        )
    if option.part not in PARTS:
        raise ValueError(
            f'fold.part must be one of {PARTS}, got {option.part!r}'
        )
    return option


def check_num_folds(num_folds: int) -> None:
    """Raise ValueError if there are fewer than two folds.

    Args:
        num_folds (int): Number of folds K.
    """
    if not isinstance(num_folds, int) or num_folds < 2:
        raise ValueError(
            'the number of folds must be a whole number of at least 2, got '
            f'{num_folds!r}: with one fold, no clips are left to train on.'
        )


def assign_folds(
    clips: Iterable[Mapping[str, Any]], num_folds: int
) -> dict[ClipKey, int]:
    """Divide clips into folds of equal size, up to one clip.

    The clips of each subset and split are sorted by a hash of their name;
    then the first belongs to fold 0, the second to fold 1, and so on. The
    folds therefore depend only on the names, not on the order of the table.

    Args:
        clips (Iterable[Mapping[str, Any]]): Entries of a data set.
        num_folds (int): Number of folds K.

    Returns:
        dict[ClipKey, int]: Fold of each clip, 0 to K - 1.

    Raises:
        ValueError: If K is less than 2, or a subset and split has fewer than
            K clips.
    """
    check_num_folds(num_folds)
    groups: dict[tuple[str, str], list[str]] = {}
    for clip in clips:
        group = groups.setdefault((clip['subset'], clip['split']), [])
        group.append(clip['clip_id'])
    folds = {}
    for (subset, split), names in groups.items():
        if len(names) < num_folds:
            raise ValueError(
                f'expected at least one clip per fold, got {num_folds} folds '
                f'and {len(names)} clips in the split {split!r} of subset '
                f'{subset!r}; choose fewer folds.'
            )
        for rank, name in enumerate(sorted(names, key=_hash)):
            folds[subset, split, name] = rank % num_folds
    return folds


def key_of(clip: Mapping[str, Any]) -> ClipKey:
    """Return the key of a clip in :func:`assign_folds`.

    Args:
        clip (Mapping[str, Any]): Entry of a data set.

    Returns:
        ClipKey: Subset, split and name.
    """
    return clip['subset'], clip['split'], clip['clip_id']


def select_fold(clips: Sequence[dict], option: FoldOption) -> list[dict]:
    """Select the clips of a fold, or of all others.

    Args:
        clips (Sequence[dict]): Entries of a data set.
        option (FoldOption): What to select.

    Returns:
        list[dict]: The selected clips in the given order.

    Raises:
        ValueError: See :func:`assign_folds`.
    """
    folds = assign_folds(clips, option.num_folds)
    is_held_out = option.part == 'held_out'
    return [
        clip
        for clip in clips
        if (folds[key_of(clip)] == option.number) == is_held_out
    ]


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()

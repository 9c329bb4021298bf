"""Checks across the clips of a data set."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mmavs.datasets.avsbench import SPLITS, SUBSETS

from .clip import CheckedClip
from .clip_files import ClipFiles
from .findings import Finding, Mending, removal

#: Clips of AVSBench-semantic, which AVSBench-object shares.
PUBLISHED_COUNTS = {
    ('v1s', 'train'): 3452,
    ('v1s', 'val'): 740,
    ('v1s', 'test'): 740,
    ('v1m', 'train'): 296,
    ('v1m', 'val'): 64,
    ('v1m', 'test'): 64,
    ('v2', 'train'): 4750,
    ('v2', 'val'): 500,
    ('v2', 'test'): 750,
}


def count_clips(clips: Sequence[ClipFiles]) -> dict[tuple[str, str], int]:
    """Count the clips of each subset and split.

    Args:
        clips (Sequence[ClipFiles]): The clips.

    Returns:
        dict[tuple[str, str], int]: (subset, split) -> number.
    """
    return dict(Counter((clip.subset, clip.split) for clip in clips))


def check_counts(
    clips: Sequence[ClipFiles],
    expected: Mapping[tuple[str, str], int],
    table: str,
    mending: Mending,
) -> list[Finding]:
    """Compare the number of clips with the published one.

    Args:
        clips (Sequence[ClipFiles]): The clips.
        expected (Mapping[tuple[str, str], int]): Published numbers. Subsets
            without any clip are not checked: each is released on its own.
        table (str): The table.
        mending (Mending): Makes the commands.

    Returns:
        list[Finding]: One per subset and split with another number.
    """
    counts = count_clips(clips)
    present = {subset for subset, _ in counts}
    return [
        Finding(
            'count',
            table,
            f'expected {number} clips of {subset}, split {split}, got '
            f'{counts.get((subset, split), 0)}',
            mending.restore(table),
        )
        for (subset, split), number in expected.items()
        if subset in present and counts.get((subset, split), 0) != number
    ]


def check_splits(
    checked: Sequence[CheckedClip], table: str, mending: Mending
) -> list[Finding]:
    """Find clips and pictures that are in two splits.

    Args:
        checked (Sequence[CheckedClip]): The clips.
        table (str): The table.
        mending (Mending): Makes the commands.

    Returns:
        list[Finding]: One per pair of clips. The clip to remove is the one
        of the training split, so that test scores stay comparable.
    """
    pairs: dict[tuple[str, str], Finding] = {}
    for text, kind, clips in _shared(checked):
        first = clips[0]
        other = next((c for c in clips if c.split != first.split), None)
        if other is None:
            continue
        drop, keep = sorted(
            (first, other), key=lambda clip: SPLITS.index(clip.split)
        )
        found = Finding(
            kind,
            table,
            f'{text}: {drop.name} (split {drop.split}) and {keep.name} '
            f'(split {keep.split})',
            mending.delete_row(table, drop.row)
            if drop.row
            else f'remove {drop.name} from the table',
            clip=drop.name,
        )
        pairs.setdefault((drop.name, keep.name), found)
    return list(pairs.values())


def _shared(
    checked: Sequence[CheckedClip],
) -> Iterator[tuple[str, str, list[ClipFiles]]]:
    """Yield clips with one uid, then clips with one picture."""
    uids = defaultdict(list)
    pictures = defaultdict(list)
    for item in checked:
        uids[item.clip.clip_id].append(item.clip)
        for t, digest in item.digests.items():
            pictures[digest].append((t, item.clip))
    for uid, clips in uids.items():
        if len(clips) > 1:
            yield f'uid {uid!r} is in two splits', 'split-overlap', clips
    for entries in pictures.values():
        if len(entries) > 1:
            text = f'frame {entries[0][0]} is the same picture in two splits'
            yield text, 'same-picture', [clip for _, clip in entries]


def check_label_base(
    checked: Sequence[CheckedClip], root: str, mending: Mending
) -> list[Finding]:
    """Find ids that start at 1, and labels of two kinds in one set.

    The values in AVSBench's ``label2idx.json`` start at 1, so labels made
    with it do, too.

    Args:
        checked (Sequence[CheckedClip]): The clips.
        root (str): Root of the data set.
        mending (Mending): Makes the commands.

    Returns:
        list[Finding]: At most one of each kind.
    """
    found = []
    ranges = [item.id_range for item in checked if item.id_range]
    shifted = [item.clip for item in checked if item.id_offset == 1]
    classes = max((item.clip.num_classes for item in checked), default=0)
    from_one = bool(ranges) and min(low for low, _ in ranges) == 1
    surplus = [
        item.clip
        for item in checked
        if item.id_range and item.id_range[1] == item.clip.num_classes
    ]
    if from_one or shifted:
        number = len(ranges) if from_one else len(shifted)
        found.append(
            Finding(
                'label-base',
                root,
                f'expected class ids 0..{classes - 1} in labels_semantic, '
                f'got ids that start at 1, in {number} clips',
                mending.rewrite_labels('--shift-labels', root),
            )
        )
    elif surplus:
        text = f'expected class ids 0..{classes - 1}, got {classes}'
        path = surplus[0].labels[-1].paths[0] or root
        mend = mending.restore(path)
        found.append(
            Finding('label-id', path, text, mend, clip=surplus[0].name)
        )
    return found + _check_label_kinds(checked, root, mending)


def _check_label_kinds(
    checked: Sequence[CheckedClip], root: str, mending: Mending
) -> list[Finding]:
    white = [item.clip for item in checked if item.is_black_and_white]
    colour = [item.clip for item in checked if item.is_coloured]
    groups = {(clip.subset, 'white') for clip in white}
    groups |= {(clip.subset, 'colour') for clip in colour}
    found = []
    for subset in sorted({name for name, _ in groups}):
        mixed = (subset, 'white') in groups and (subset, 'colour') in groups
        if not mixed and (subset != 'v2' or (subset, 'white') not in groups):
            continue
        clips = [clip for clip in white if clip.subset == subset]
        folder = str(Path(clips[0].labels[0].paths[0] or root).parent)
        text = (
            f'expected class colours, got black and white labels in '
            f'{len(clips)} clips of {subset}, for binary tasks only'
        )
        mend = mending.restore(folder)
        found.append(
            Finding('label-binary', folder, text, mend, clip=clips[0].name)
        )
    return found


def check_unlisted(root: str, clips: Sequence[ClipFiles]) -> list[Finding]:
    """Find folders of clips that the table does not list.

    Args:
        root (str): Root of a data set in AVSBench's layout.
        clips (Sequence[ClipFiles]): The listed clips.

    Returns:
        list[Finding]: One warning per folder.
    """
    listed = {clip.folder for clip in clips}
    found = []
    for subset in SUBSETS:
        parent = Path(root, subset)
        if not parent.is_dir() or not os.access(parent, os.R_OK | os.X_OK):
            continue
        for entry in sorted(os.scandir(parent), key=lambda entry: entry.name):
            if entry.path not in listed:
                text = 'the table lists no such clip; it is not read'
                mend = removal([entry.path], recursive=True)
                found.append(
                    Finding('clip-unlisted', entry.path, text, mend, 'warning')
                )
    return found

"""Check all files of a clip."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .clip_files import ClipFiles, LabelFiles
from .file_state import find_folder_fault
from .findings import Finding, Mending, removal
from .labels import LabelFacts, check_labels
from .pictures import check_frames
from .sound import check_sound


class CheckedClip(NamedTuple):
    """What is known of a clip when its files have been read.

    Attributes:
        clip (ClipFiles): The clip.
        findings (list[Finding]): Faults of its files.
        digests (dict[int, str]): Frame -> hash of its pixels.
        id_range (tuple[int, int] | None): Smallest and largest stored id of
            its label images of ids; None without any.
        id_offset (int | None): Stored id minus the id of its colour, where
            both kinds of labels agree up to it; None if unknown.
        is_black_and_white (bool): Its labels show white objects.
        is_coloured (bool): Its labels show objects in class colours.
    """

    clip: ClipFiles
    findings: list[Finding]
    digests: dict[int, str]
    id_range: tuple[int, int] | None = None
    id_offset: int | None = None
    is_black_and_white: bool = False
    is_coloured: bool = False


def check_clip(clip: ClipFiles, mending: Mending) -> CheckedClip:
    """Open every file of a clip.

    Args:
        clip (ClipFiles): The clip.
        mending (Mending): Makes the commands.

    Returns:
        CheckedClip: Findings, and facts for checks across clips.
    """
    if clip.folder:
        fault = _check_folders(clip, mending)
        if fault is not None:
            return CheckedClip(clip, [fault], {})
    swapped = _check_split(clip)
    if swapped is not None:
        # Each label that is missing would say the same.
        clip = clip._replace(labels=tuple(map(_only_first, clip.labels)))
    found, size, digests = check_frames(clip.frames, clip.name, mending)
    facts = []
    for labels in clip.labels:
        faults, fact = check_labels(
            labels, size, clip.num_classes, clip.name, mending
        )
        found += faults
        facts.append(fact)
    found += check_sound(clip.sound, clip.num_seconds, clip.name, mending)
    found += [] if swapped is None else [swapped]
    found += _check_others(clip)
    offset, faults = _compare_kinds(clip, facts, mending)
    return CheckedClip(
        clip=clip,
        findings=found + faults,
        digests=digests,
        id_range=_id_range(clip, facts),
        id_offset=offset,
        is_black_and_white=any(fact.is_black_and_white for fact in facts),
        is_coloured=any(fact.is_coloured for fact in facts),
    )


def _check_folders(clip: ClipFiles, mending: Mending) -> Finding | None:
    """Report a missing or closed folder once, not once per file."""
    folders = [clip.folder, str(Path(clip.folder, 'frames'))]
    for kind, path in zip(('clip', 'frames'), folders, strict=True):
        fault = find_folder_fault(path)
        if fault is None:
            continue
        mend = mending.restore(path)
        if fault.kind == 'permission':
            mend = mending.allow(path, is_folder=True)
        text = f'folder of {len(clip.frames)} frames: {fault.text}'
        return Finding(
            f'{kind}-{fault.kind}', path, text, mend, clip=clip.name
        )
    return None


def _check_split(clip: ClipFiles) -> Finding | None:
    """Find v1s clips whose labels are those of another split.

    A v1s training clip has one label, any other clip five.
    """
    labels = clip.labels[0]
    if clip.subset != 'v1s' or clip.split == 'train' or not clip.folder:
        return None
    there = [path for path in labels.paths if path and os.path.exists(path)]
    if len(there) != 1 or there[0] != labels.paths[0]:
        return None
    table = str(Path(clip.folder).parents[1] / 'metadata.csv')
    return Finding(
        'split-swapped',
        table,
        f'line {clip.row}: split {clip.split!r}, but only frame 0 has a '
        "label, as in the split 'train'",
        f"sed -i '{clip.row}s/\\b{clip.split}\\b/train/' -- {table}",
        clip=clip.name,
    )


def _only_first(labels: LabelFiles) -> LabelFiles:
    rest = (None,) * (len(labels.paths) - 1)
    return labels._replace(paths=(labels.paths[0], *rest))


def _check_others(clip: ClipFiles) -> list[Finding]:
    """Find files of AVSBench's layout that nothing reads."""
    if not clip.folder:
        return []
    known = {clip.sound, *clip.frames}
    folders = {str(Path(clip.folder)), str(Path(clip.folder, 'frames'))}
    for labels in clip.labels:
        first = labels.paths[0]
        assert first is not None
        folders.add(str(Path(first).parent))
        # A v1s training clip may come with the labels of all frames.
        suffix = Path(first).suffix
        numbers = range(len(labels.paths))
        known |= {str(Path(first).with_name(f'{t}{suffix}')) for t in numbers}
    found = []
    for folder in sorted(folders):
        if not os.path.isdir(folder):
            continue
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            is_known = entry.path in known or entry.is_dir()
            if is_known and not entry.name.startswith('.'):
                continue
            found.append(_describe_other(entry, clip))
    return found


def _describe_other(entry: os.DirEntry, clip: ClipFiles) -> Finding:
    kind, text = 'file-extra', 'no part of the layout; it is not read'
    if entry.name.startswith('.'):
        kind, text = 'file-leftover', 'left by a program that was killed'
    elif entry.path.endswith(('.jpg', '.png')):
        text = f'the clip has {len(clip.frames)} frames; this is not read'
    mend = removal([entry.path])
    return Finding(kind, entry.path, text, mend, 'warning', clip.name)


def _compare_kinds(
    clip: ClipFiles, facts: list[LabelFacts], mending: Mending
) -> tuple[int | None, list[Finding]]:
    """Compare the ids of labels_semantic with the colours of labels_rgb."""
    pairs = list(zip(facts, clip.labels, strict=True))
    stored = [fact.ids for fact, kind in pairs if kind.holds_ids]
    colours = [fact.ids for fact, kind in pairs if not kind.holds_ids]
    if not stored or not colours:
        return None, []
    offsets = set()
    for t in sorted(stored[0].keys() & colours[0].keys()):
        if stored[0][t].shape != colours[0][t].shape:
            continue
        difference = stored[0][t].astype(int) - colours[0][t]
        offsets |= set(np.unique(difference).tolist())
    if offsets in (set(), {0}, {1}):
        return next(iter(offsets), None), []
    ids, rgb = (
        next(k.paths[0] for k in clip.labels if k.holds_ids is holds)
        for holds in (True, False)
    )
    assert ids is not None
    folder = str(Path(ids).parent)
    text = f'its ids disagree with the colours of {rgb} or of a later frame'
    mend = mending.restore(folder)
    return None, [
        Finding('label-disagree', folder, text, mend, clip=clip.name)
    ]


def _id_range(
    clip: ClipFiles, facts: list[LabelFacts]
) -> tuple[int, int] | None:
    arrays = [
        ids
        for labels, fact in zip(clip.labels, facts, strict=True)
        if labels.holds_ids
        for ids in fact.ids.values()
    ]
    if not arrays:
        return None
    return (
        min(int(ids.min()) for ids in arrays),
        max(int(ids.max()) for ids in arrays),
    )

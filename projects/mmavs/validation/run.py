"""Validate a data set: its table, its files, and the set as a whole."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mmavs.datasets import AVSBenchDataset, BaseClipDataset
from mmavs.datasets.metainfo import AVSBENCH_CLASSES
from mmavs.parallel import map_in_processes

from .clip import CheckedClip, check_clip
from .clip_files import ClipFiles, files_of_entry
from .findings import Finding, Mending
from .table import read_table
from .whole_set import (
    PUBLISHED_COUNTS,
    check_counts,
    check_label_base,
    check_splits,
    check_unlisted,
    count_clips,
)


class Validation(NamedTuple):
    """Result of a validation.

    Attributes:
        root (str): Root of the data set.
        counts (dict[tuple[str, str], int]): (subset, split) -> clips.
        num_files (int): Files that were opened, or should have been.
        findings (list[Finding]): What is wrong, errors first.
    """

    root: str
    counts: dict[tuple[str, str], int]
    num_files: int
    findings: list[Finding]

    @property
    def num_errors(self) -> int:
        """Number of findings that are errors."""
        return sum(item.severity == 'error' for item in self.findings)


def validate_avsbench(
    root: str,
    *,
    subsets: Sequence[str] | None = None,
    expected_counts: Mapping[tuple[str, str], int] = PUBLISHED_COUNTS,
    num_workers: int = 1,
) -> Validation:
    """Validate a folder in the layout of AVSBench-semantic.

    Args:
        root (str): The folder.
        subsets (Sequence[str] | None): Subsets to check; None for all.
        expected_counts (Mapping[tuple[str, str], int]): Clips of each subset
            and split; empty to accept any number.
        num_workers (int): Processes that open files.

    Returns:
        Validation: The findings.

    Raises:
        FileNotFoundError: If ``root`` is no folder.
    """
    if not Path(root).is_dir():
        raise FileNotFoundError(
            f'{root}: expected the folder of a data set, with metadata.csv; '
            'see docs/data.md.'
        )
    mending = Mending(root)
    clips, found = read_table(root, mending)
    table = str(Path(root, 'metadata.csv'))
    if clips:
        found += check_counts(clips, expected_counts, table, mending)
        found += check_unlisted(root, clips)
    clips = [c for c in clips if subsets is None or c.subset in subsets]
    return _validate(root, clips, found, table, mending, num_workers)


def validate_datasets(
    datasets: Sequence[BaseClipDataset], *, num_workers: int = 1
) -> Validation:
    """Validate the clips of data sets, for example of a config.

    Args:
        datasets (Sequence[BaseClipDataset]): Usually one per split. A clip
            that several of them list is checked once.
        num_workers (int): Processes that open files.

    Returns:
        Validation: The findings.
    """
    clips = {}
    for dataset in datasets:
        classes = len(dataset.metainfo['classes'])
        if isinstance(dataset, AVSBenchDataset):
            # Its files have all classes, whatever is made of them.
            classes = len(AVSBENCH_CLASSES)
        for entry in dataset.list_clips():
            clip = files_of_entry(entry, classes)
            clips[clip.subset, clip.split, clip.clip_id] = clip
    root = str(datasets[0].data_root)
    table = str(datasets[0].ann_file or root)
    is_avsbench = all(isinstance(item, AVSBenchDataset) for item in datasets)
    mending = Mending(root, is_avsbench)
    return _validate(
        root, list(clips.values()), [], table, mending, num_workers
    )


def _validate(
    root: str,
    clips: Sequence[ClipFiles],
    found: list[Finding],
    table: str,
    mending: Mending,
    num_workers: int,
) -> Validation:
    """Open all files, then compare the clips with each other."""
    check = functools.partial(check_clip, mending=mending)
    checked: list[CheckedClip] = list(
        map_in_processes(
            check, clips, num_workers=num_workers, description='clips'
        )
    )
    found = found + [fault for item in checked for fault in item.findings]
    found += check_splits(checked, table, mending)
    found += check_label_base(checked, root, mending)
    found.sort(key=lambda item: item.severity)
    return Validation(root, count_clips(clips), _num_files(clips), found)


def _num_files(clips: Sequence[ClipFiles]) -> int:
    """Count frames, labels and sounds."""
    labels = sum(
        path is not None
        for clip in clips
        for kind in clip.labels
        for path in kind.paths
    )
    return labels + sum(len(clip.frames) + 1 for clip in clips)

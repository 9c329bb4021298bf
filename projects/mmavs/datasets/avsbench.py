"""AVSBench in the AVSBench-semantic layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from .base_clip import BaseClipDataset
from .clip_checks import check_choice, check_folder_name
from .metainfo import AVSBENCH_CATEGORIES, get_metainfo

SUBSETS = ('v1s', 'v1m', 'v2')
SPLITS = ('train', 'val', 'test')
TASK_SUBSETS = {'s4': ('v1s',), 'ms3': ('v1m',), 'avss': SUBSETS}
#: Frames, and seconds of sound, of a clip of each subset.
NUM_FRAMES = {'v1s': 5, 'v1m': 5, 'v2': 10}
LABEL_FOLDERS = ('labels_rgb', 'labels_semantic')
UNLABELLED_RULES = ('repeat_first', 'ignore')
_COLUMNS = ('uid', 'split', 'label')
_CATEGORY_OF = {
    name: category
    for category, names in AVSBENCH_CATEGORIES.items()
    for name in names
}
#: The task of a stage one that is trained on a single subset.
_SUBSET_TASKS = {'v1s': 's4', 'v1m': 'ms3', 'v2': 'avss'}


@DATASETS.register_module()
class AVSBenchDataset(BaseClipDataset):
    """Clips of AVSBench with their frames, labels and sound.

    The layout is that of AVSBench-semantic, for every task::

        {data_root}/metadata.csv         columns uid, split, label (= subset)
        {data_root}/{v1s|v1m|v2}/{uid}/frames/{0..T-1}.jpg
        {data_root}/{v1s|v1m|v2}/{uid}/labels_rgb/{0..T-1}.png
        {data_root}/{v1s|v1m|v2}/{uid}/audio.wav

    T is 10 in v2 and 5 elsewhere. Only frame 0 of a v1s training clip counts
    as labelled, see ``unlabelled``. Behaviour follows
    Stepping-Stones@de6a17b ``avs/dataset.py`` and, with ``'ignore'``,
    AVSBench@f7414af ``avs_scripts``; reimplemented, no code taken.

    Args:
        task (str): ``'s4'`` (subset v1s), ``'ms3'`` (v1m) or ``'avss'``
            (all three).
        split (str | Sequence[str]): ``'train'``, ``'val'`` or ``'test'``, or
            several of them, for example to predict all clips.
        subsets (Sequence[str] | None): Subsets to use instead of those of the
            task. Defaults to None.
        labels (str): ``'binary'`` (background, sounding) or ``'semantic'``
            (71 classes); sets ``classes`` and ``palette`` of the metainfo.
        label_folder (str): ``'labels_rgb'`` (colours), or
            ``'labels_semantic'`` (grey PNG of class ids). Both give the same
            masks, semantic or binary.
        unlabelled (str): How v1s training clips are read.
            ``'repeat_first'`` (AAVS): frame 0 and label 0 five times, each
            time with another of the five seconds of sound. ``'ignore'``
            (AVSBench, AVSegFormer): all five frames; the last four have no
            label, so their entry of ``mask_paths`` is None.
        ann_file (str): The table, relative to ``data_root``.
        metainfo (Mapping | None): Overrides entries of the metainfo.
        kwargs: Other arguments of :class:`BaseClipDataset`.

    Raises:
        FileNotFoundError: If the table is missing.
        ValueError: If an argument has another value, the table lacks a
            column, contains an unknown subset or split or a clip twice, or
            contains no clip of the subsets and the split.
    """

    SPLITS = SPLITS
    SUBSETS = SUBSETS

    def __init__(
        self,
        *,
        task: str,
        split: str | Sequence[str],
        subsets: Sequence[str] | None = None,
        labels: str = 'binary',
        label_folder: str = 'labels_rgb',
        unlabelled: str = 'repeat_first',
        ann_file: str = 'metadata.csv',
        metainfo: Mapping | None = None,
        **kwargs: Any,
    ) -> None:
        check_choice('task', task, tuple(TASK_SUBSETS))
        check_choice('label_folder', label_folder, LABEL_FOLDERS)
        check_choice('unlabelled', unlabelled, UNLABELLED_RULES)
        self.task = task
        self.labels = labels
        self.label_folder = label_folder
        self.unlabelled = unlabelled
        super().__init__(
            split=split,
            subsets=subsets or TASK_SUBSETS[task],
            ann_file=ann_file,
            metainfo={**get_metainfo(labels), **(metainfo or {})},
            **kwargs,
        )

    @property
    def usual_num_frames(self) -> int:
        """Frames of a clip; the smallest number if subsets differ."""
        return min(NUM_FRAMES[subset] for subset in self.subsets)

    @classmethod
    def subset_options(cls, subset: str) -> dict[str, Any]:
        """Return the arguments that restrict the data set to one subset.

        Args:
            subset (str): ``'v1s'``, ``'v1m'`` or ``'v2'``.

        Returns:
            dict[str, Any]: ``subsets`` and the corresponding ``task``.
        """
        return dict(subsets=[subset], task=_SUBSET_TASKS[subset])

    def load_clips(self) -> list[dict]:
        """Read the table.

        Returns:
            list[dict]: All clips, in the order of the table. Besides the keys
            of :class:`BaseClipDataset` they have ``task``, ``labels``,
            ``label_folder``, and ``a_obj`` and ``visible``, the table's
            entries or None.
        """
        return [self._parse_row(row) for row in read_metadata(self.ann_file)]

    def sound_categories(self, clip: Mapping[str, Any]) -> frozenset[str]:
        """Return the broad categories of the objects that sound in a clip.

        They follow from the column ``a_obj`` of the table, which holds names
        of classes joined by ``_``, such as ``girl_guitar``. If the table has
        a column ``visible``, the names of the classes are returned, too.

        Args:
            clip (Mapping[str, Any]): An entry of :meth:`load_clips`.

        Returns:
            frozenset[str]: Keys of ``AVSBENCH_CATEGORIES``, and names.

        Raises:
            ValueError: If the table has no such column, or a name in it is
                not one of the 70 classes.
        """
        if clip['a_obj'] is None:
            raise ValueError(
                f"{self.ann_file}: sound_from='offscreen' needs the column "
                'a_obj with the names of the classes that sound, found none; '
                "add it, or choose sound_from='next_clip'."
            )
        names = self._names_in(clip, 'a_obj')
        categories = frozenset(_CATEGORY_OF[name] for name in names)
        return categories if clip['visible'] is None else categories | names

    def present_categories(self, clip: Mapping[str, Any]) -> frozenset[str]:
        """Return what an off-screen sound of a clip must not have.

        Args:
            clip (Mapping[str, Any]): An entry of :meth:`load_clips`.

        Returns:
            frozenset[str]: :meth:`sound_categories`, and the names in the
            column ``visible`` if the table has it. mmavs writes this column
            for synthetic clips; AVSBench's table does not name silent
            objects.

        Raises:
            ValueError: See :meth:`sound_categories`.
        """
        sounding = self.sound_categories(clip)
        if clip['visible'] is None:
            return sounding
        return sounding | self._names_in(clip, 'visible')

    def _names_in(
        self, clip: Mapping[str, Any], column: str
    ) -> frozenset[str]:
        names = frozenset(name for name in clip[column].split('_') if name)
        unknown = sorted(name for name in names if name not in _CATEGORY_OF)
        if unknown:
            raise ValueError(
                f'{self.ann_file}, clip {clip["clip_id"]!r}: expected names '
                f'of classes in the column {column}, joined by _, got '
                f'{clip[column]!r} with the unknown {unknown}; correct the '
                'table.'
            )
        return names

    def _parse_row(self, row: dict[str, str]) -> dict:
        subset, split, clip_id = row['label'], row['split'], row['uid']
        num_frames = NUM_FRAMES[subset]
        only_first = subset == 'v1s' and split == 'train'
        repeat = only_first and self.unlabelled == 'repeat_first'
        frames = [0 if repeat else t for t in range(num_frames)]
        labelled = [t == 0 or not only_first or repeat for t in frames]
        clip_dir = str(Path(self.data_root, subset, clip_id))
        mask_dir = f'{clip_dir}/{self.label_folder}'
        return dict(
            clip_id=clip_id,
            subset=subset,
            split=split,
            task=self.task,
            labels=self.labels,
            label_folder=self.label_folder,
            a_obj=row.get('a_obj'),
            visible=row.get('visible'),
            num_frames=num_frames,
            frame_paths=[f'{clip_dir}/frames/{t}.jpg' for t in frames],
            mask_paths=[
                f'{mask_dir}/{t}.png' if has_label else None
                for t, has_label in zip(frames, labelled, strict=True)
            ],
            audio_path=f'{clip_dir}/audio.wav',
        )


def read_metadata(path: str) -> list[dict[str, str]]:
    """Read and check AVSBench's ``metadata.csv``.

    Args:
        path (str): The table; columns ``uid``, ``split`` and ``label`` are
            required, others are ignored.

    Returns:
        list[dict[str, str]]: The rows.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the text is not UTF-8, a column is missing, or a row
            has an unknown subset or split, a uid that is not a folder name,
            or the clip of an earlier row.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'{path} not found; expected the table of AVSBench-semantic, '
            '{data_root}/metadata.csv. Check data_root and ann_file.'
        )
    return parse_metadata(Path(path).read_bytes(), path)


def parse_metadata(content: bytes, path: str) -> list[dict[str, str]]:
    """Parse and check the content of AVSBench's ``metadata.csv``.

    Args:
        content (bytes): The content.
        path (str): Name of the table in errors.

    Returns:
        list[dict[str, str]]: The rows.

    Raises:
        ValueError: See :func:`read_metadata`.
    """
    # utf-8-sig: spreadsheet programs put a byte order mark before 'vid'.
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path}: expected text in UTF-8, got byte '
            f'0x{error.object[error.start]:02x} at position {error.start}; '
            'save the table as "CSV UTF-8" in the spreadsheet program, or '
            'convert it: iconv -f CP1252 -t UTF-8 OLD > NEW'
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=None))
    header = reader.fieldnames or []
    missing = [name for name in _COLUMNS if name not in header]
    if missing:
        raise ValueError(
            f'{path}: expected columns {_COLUMNS}, {missing} missing; '
            f'got the header {list(header)}'
        )
    try:
        rows = list(reader)
    except csv.Error as error:
        raise ValueError(
            f'{path}, line {reader.line_num + 1}: expected a table of commas '
            f'and lines, got: {error}; correct the line.'
        ) from error
    _check_rows(path, rows)
    return rows


def _check_rows(path: str, rows: Sequence[dict[str, str]]) -> None:
    """Raise ValueError for rows with wrong entries or repeated clips."""
    first_line: dict[tuple[str, str], int] = {}
    for line, row in enumerate(rows, start=2):
        where = f'{path}, row {line}: '
        check_choice(where + 'label (the subset)', row['label'], SUBSETS)
        check_choice(where + 'split', row['split'], SPLITS)
        uid = row['uid']
        check_folder_name(f'{where}uid', uid)
        previous = first_line.setdefault((row['label'], uid), line)
        if previous != line:
            raise ValueError(
                f'{where}uid {uid!r} of subset {row["label"]} is already in '
                f'row {previous}; a clip may occur once.'
            )

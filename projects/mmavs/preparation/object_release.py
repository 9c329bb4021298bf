"""List the clips of AVSBench-object, the first release.

Its tables give the clips; frames, masks and sounds lie in separate folders,
sorted by split and, in S4, by category. The pickles in ``audio_log_mel`` hold
log-mels, no waveform, and are never opened.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmavs.datasets.avsbench import NUM_FRAMES, SPLITS

from .clip_sources import ClipSources
from .source_files import SourceFile

_PARTS = ('Single-source', 'Multi-sources')
_MILLISECONDS = 1000
#: Size to which the published frames were resized.
_FRAME_SIZE = (224, 224)


def find_object_clips(
    src: Path, files: Mapping[str, SourceFile]
) -> list[ClipSources]:
    """List the clips in the tables of the release.

    Args:
        src (Path): The download; named in errors.
        files (Mapping[str, SourceFile]): Its files.

    Returns:
        list[ClipSources]: S4's, then MS3's, in the order of the tables; empty
        if the download is another release.

    Raises:
        FileNotFoundError: If one of the two folders lacks its table.
        ValueError: If a table has too few columns or an unknown split.
    """
    clips = []
    for part, list_clips in zip(
        _PARTS, (_single_source, _multi_sources), strict=True
    ):
        for prefix in _prefixes(files, part):
            inside = {
                name.removeprefix(prefix): file
                for name, file in files.items()
                if name.startswith(prefix)
            }
            clips += list_clips(src / prefix, inside)
    return clips


def _prefixes(files: Mapping[str, SourceFile], part: str) -> list[str]:
    """Find the folders of a name, as ``'a/Single-source/'``."""
    found = set()
    for name in files:
        before, separator, _ = f'/{name}'.partition(f'/{part}/')
        if separator:
            found.add(f'{before}/{part}/'.lstrip('/'))
    return sorted(found)


def _single_source(
    root: Path, files: Mapping[str, SourceFile]
) -> list[ClipSources]:
    """List the clips of S4: files by split and category, counted from 1."""
    numbers = range(1, NUM_FRAMES['v1s'] + 1)
    clips = []
    for name, start, category, split in _rows(
        root, files, 's4_meta_data.csv', 4
    ):
        first = int(float(start)) * _MILLISECONDS
        uid = f'{name}_{first}_{first + len(numbers) * _MILLISECONDS}'
        group = f'{split}/{category}'
        masks = numbers[:1] if split == 'train' else numbers
        wanted = {
            f'frames/{k - 1}.jpg': f'visual_frames/{group}/{name}/{name}_{k}'
            '.png'
            for k in numbers
        }
        for k in masks:
            mask = f'gt_masks/{group}/{name}/{name}_{k}.png'
            wanted[f'labels_rgb/{k - 1}.png'] = mask
        wanted['audio.wav'] = f'audio_wav/{group}/{name}.wav'
        video = f's4_data/raw_videos/{group}/{name}.mp4'
        clips.append(
            _clip('v1s', uid, split, wanted, root / 's4_data', files, video)
        )
    return clips


def _multi_sources(
    root: Path, files: Mapping[str, SourceFile]
) -> list[ClipSources]:
    """List the clips of MS3: only masks and sound are sorted by split."""
    numbers = range(1, NUM_FRAMES['v1m'] + 1)
    clips = []
    for name, split in _rows(root, files, 'ms3_meta_data.csv', 2):
        wanted = {
            f'frames/{k - 1}.jpg': f'visual_frames/{name}/{name}.mp4_{k}.png'
            for k in numbers
        }
        for k in numbers:
            mask = f'gt_masks/{split}/{name}/{name}_{k}.png'
            wanted[f'labels_rgb/{k - 1}.png'] = mask
        wanted['audio.wav'] = f'audio_wav/{split}/{name}.wav'
        video = f'ms3_data/raw_videos/{name}.mp4'
        clips.append(
            _clip('v1m', name, split, wanted, root / 'ms3_data', files, video)
        )
    return clips


def _clip(
    subset: str,
    uid: str,
    split: str,
    wanted: Mapping[str, str],
    data: Path,
    files: Mapping[str, SourceFile],
    video: str,
) -> ClipSources:
    """Pick the files of a clip; missing frames and sound are left out.

    A missing label keeps its place, so that it is reported.
    """
    found = {}
    for target, name in wanted.items():
        file = files.get(f'{data.name}/{name}')
        if file is not None:
            found[target] = file
        elif target.startswith('labels_rgb') or video not in files:
            found[target] = SourceFile(str(data / name))
    return ClipSources(
        subset=subset,
        uid=uid,
        split=split,
        row=dict(uid=uid, split=split, label=subset),
        files=found,
        num_frames=NUM_FRAMES[subset],
        video=files.get(video),
        frame_size=_FRAME_SIZE,
    )


def _rows(
    root: Path, files: Mapping[str, SourceFile], name: str, num_columns: int
) -> Iterator[list[str]]:
    """Read rows by column position; releases differ in column names."""
    path = root / name
    if name not in files:
        raise FileNotFoundError(f'{path} not found; it lists the clips.')
    text = files[name].read().decode('utf-8-sig')
    rows = list(csv.reader(io.StringIO(text, newline='')))
    for line, row in enumerate(rows[1:], start=2):
        if len(row) < num_columns or row[num_columns - 1] not in SPLITS:
            raise ValueError(
                f'{path}, row {line}: expected {num_columns} columns, the '
                f'last one of {SPLITS}, got {row}'
            )
        yield row[:num_columns]

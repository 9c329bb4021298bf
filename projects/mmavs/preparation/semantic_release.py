"""List the clips of AVSBench-semantic, wherever its folders lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from mmavs.datasets.avsbench import (
    LABEL_FOLDERS,
    NUM_FRAMES,
    SUBSETS,
    parse_metadata,
)

from .clip_sources import ClipSources
from .source_files import SourceFile

_TABLE = 'metadata.csv'
_VIDEO_SUFFIXES = ('.mp4', '.mkv', '.webm')


def find_semantic_clips(
    src: Path, files: Mapping[str, SourceFile]
) -> list[ClipSources]:
    """List the clips of the table.

    The folders of the clips are found by their names, at any depth, inside or
    outside of a folder of their subset. A video that is named after a clip,
    or lies in its folder, provides missing frames and sound.

    Args:
        src (Path): The download; named in errors.
        files (Mapping[str, SourceFile]): Its files.

    Returns:
        list[ClipSources]: In the order of the table; empty if the download
        has no table and is thus another release.

    Raises:
        ValueError: If there are several tables, or the table is faulty.
    """
    tables = [name for name in files if name.rpartition('/')[2] == _TABLE]
    if not tables:
        return []
    if len(tables) > 1:
        raise ValueError(
            f'{src}: expected one {_TABLE}, got {sorted(tables)}; give the '
            'folder of one release.'
        )
    table = tables[0]
    rows = parse_metadata(files[table].read(), str(src / table))
    groups = _group_by_clip(files, {row['uid'] for row in rows})
    return [_clip(src, row, groups) for row in rows]


def _group_by_clip(
    files: Mapping[str, SourceFile], uids: set[str]
) -> dict[tuple[str, str], dict[str, SourceFile]]:
    """Sort files by (subset or '', uid) and name in the clip's folder."""
    groups: dict[tuple[str, str], dict[str, SourceFile]] = defaultdict(dict)
    for name, file in files.items():
        parts = name.split('/')
        stem, dot, suffix = parts[-1].rpartition('.')
        if stem in uids and dot + suffix in _VIDEO_SUFFIXES:
            # A video beside the folders: as if it lay in its clip's folder.
            parts = [*parts[:-1], stem, parts[-1]]
        for depth, part in enumerate(parts[:-1]):
            if part not in uids:
                continue
            above = [name for name in parts[:depth] if name in SUBSETS]
            key = (above[-1] if above else '', part)
            groups[key]['/'.join(parts[depth + 1 :])] = file
            break
    return groups


def _clip(
    src: Path,
    row: dict[str, str],
    groups: Mapping[tuple[str, str], Mapping[str, SourceFile]],
) -> ClipSources:
    subset, uid, split = row['label'], row['uid'], row['split']
    available = {
        **groups.get(('', uid), {}),
        **groups.get((subset, uid), {}),
    }
    num_frames = NUM_FRAMES[subset]
    videos = sorted(
        name
        for name in available
        if '/' not in name and name.endswith(_VIDEO_SUFFIXES)
    )
    video = available[videos[0]] if videos else None
    folder = src / subset / uid
    wanted = [f'frames/{t}.jpg' for t in range(num_frames)] + ['audio.wav']
    found = {
        name: available.get(name, SourceFile(str(folder / name)))
        for name in wanted
        if name in available or video is None
    }
    # Only the first label of a v1s training clip is needed.
    needed = 1 if subset == 'v1s' and split == 'train' else num_frames
    kinds = [
        kind
        for kind in LABEL_FOLDERS
        if any(name.startswith(f'{kind}/') for name in available)
    ]
    for kind in kinds or LABEL_FOLDERS[:1]:
        for t in range(num_frames):
            name = f'{kind}/{t}.png'
            if name in available or t < needed:
                lost = SourceFile(str(folder / name))
                found[name] = available.get(name, lost)
    return ClipSources(
        subset=subset,
        uid=uid,
        split=split,
        row=row,
        files=found,
        num_frames=num_frames,
        video=video,
    )

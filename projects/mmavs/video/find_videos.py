"""Find the videos that files, folders and patterns name."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

#: Endings of the files of a folder that are taken for videos.
VIDEO_SUFFIXES = (
    '.3gp', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg',
    '.mpg', '.mts', '.ogv', '.ts', '.webm', '.wmv',
)  # fmt: skip


def find_videos(names: Sequence[str | Path]) -> list[Path]:
    """Find videos.

    Args:
        names (Sequence[str | Path]): Files; folders, of which the files with
            one of ``VIDEO_SUFFIXES`` are taken, without subfolders; or
            patterns such as ``'clips/**/*.mp4'``.

    Returns:
        list[Path]: The files in order, each once. A file that is named is in
        it whether it exists or not.

    Raises:
        ValueError: If a folder contains no video, or no file matches a
            pattern.
    """
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            files = [
                file
                for file in sorted(path.iterdir())
                if file.suffix.lower() in VIDEO_SUFFIXES
                and file.is_file()
                and not file.name.startswith('.')
            ]
        elif path.exists() or not glob.has_magic(str(name)):
            files = [path]
        else:
            matches = sorted(glob.glob(str(name), recursive=True))
            files = [Path(match) for match in matches if Path(match).is_file()]
        if not files:
            kinds = ', '.join(VIDEO_SUFFIXES)
            raise ValueError(
                f'{name}: expected videos, found none; give a file, a pattern '
                f'that matches files, or a folder with files ({kinds}).'
            )
        found += files
    return list(dict.fromkeys(found))

"""A folder with the results of one video, and their index."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..atomic_file import write_json

_INDEX = 'results.json'
_FORMAT = 'mmavs video results 1'


def is_complete(folder: Path, facts: Mapping[str, Any]) -> bool:
    """Check whether a folder has the results of an earlier, equal run.

    Args:
        folder (Path): Folder of one video.
        facts (Mapping[str, Any]): What the results are computed from.

    Returns:
        bool: Whether all of its files exist and the facts are equal.
    """
    index = _read_index(folder)
    if index is None or index.get('facts') != json.loads(json.dumps(facts)):
        return False
    return all((folder / name).exists() for name in index['files'])


def check_result_folder(folder: Path) -> None:
    """Raise ValueError if a folder contains files of another origin.

    Args:
        folder (Path): Folder of one video; may be missing.

    Raises:
        ValueError: If it is a file, or contains files that no earlier run
            has listed.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f'{folder}: expected a folder, got a file.')
    index = _read_index(folder)
    known = {_INDEX, *index['files']} if index is not None else set()
    foreign = sorted({path.name for path in folder.iterdir()} - known)
    if foreign:
        raise ValueError(
            f'{folder}: expected no folder, or one with the results of an '
            f'earlier run, got {foreign[0]} in it; choose another folder or '
            'empty this one.'
        )


def replace_results(
    part: Path, folder: Path, facts: Mapping[str, Any]
) -> None:
    """Replace the results in a folder; the index is written last.

    Args:
        part (Path): Folder with the complete new results.
        folder (Path): Where they belong; see :func:`check_result_folder`.
        facts (Mapping[str, Any]): What they were computed from.

    Raises:
        ValueError: If ``folder`` contains files of another origin.
    """
    check_result_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    old = _read_index(folder)
    names = sorted(path.name for path in part.iterdir())
    content = dict(format=_FORMAT, facts=facts, files=names)
    # Until all files are moved, the index lists old and new ones, so that
    # after a kill the next run accepts them, but takes them for incomplete.
    known = sorted({*names, *(old['files'] if old is not None else ())})
    write_json(folder / _INDEX, dict(content, facts=None, files=known))
    for name in known:
        target = folder / name
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
    for name in names:
        os.replace(part / name, folder / name)
    write_json(folder / _INDEX, content)


def _read_index(folder: Path) -> dict[str, Any] | None:
    """Read the index; None if there is none of this tool."""
    try:
        content = json.loads((folder / _INDEX).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if not isinstance(content, dict) or content.get('format') != _FORMAT:
        return None
    files = content.get('files')
    is_valid = isinstance(files, list) and all(
        isinstance(name, str) and Path(name).name == name and name != _INDEX
        for name in files
    )
    return content if is_valid else None

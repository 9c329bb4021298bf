"""Protect users' files: check where a tool writes before it starts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def check_output_file(
    path: str | os.PathLike[str],
    *,
    sources: Iterable[str | os.PathLike[str]] = (),
    force: bool = False,
) -> None:
    """Raise an error if writing a file would destroy another one.

    Args:
        path (str | os.PathLike[str]): File to write.
        sources (Iterable[str | os.PathLike[str]]): Files that are read; they
            are never replaced, also if ``path`` is a link to one of them.
        force (bool): Allow replacing an existing file.

    Raises:
        ValueError: If ``path`` is a folder or one of the sources.
        FileExistsError: If ``path`` exists and ``force`` is False.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f'{path}: expected a file to write, got a folder.')
    for source in sources:
        if path.exists() and os.path.exists(source):
            if os.path.samefile(path, source):
                raise ValueError(
                    f'{path}: expected another file than the source {source}, '
                    'got the same file; choose another name.'
                )
    if os.path.lexists(path) and not force:
        raise FileExistsError(
            f'{path}: expected a file that does not exist yet; choose another '
            'name, or replace the file with --force.'
        )


def check_table_file(
    path: str | os.PathLike[str], columns: Iterable[str]
) -> None:
    """Raise an error if writing a CSV table would destroy another file.

    An earlier table of the same kind may be replaced, since a training writes
    one in every validation.

    Args:
        path (str | os.PathLike[str]): Table to write.
        columns (Iterable[str]): First columns of such a table.

    Raises:
        ValueError: If ``path`` is a folder, or a file that does not begin
            with these columns.
    """
    path = Path(path)
    if not os.path.lexists(path):
        return
    start = ','.join(columns).encode()
    if not path.is_file() or path.read_bytes()[: len(start)] != start:
        raise ValueError(
            f'{path}: expected a new file, or a table of an earlier run that '
            f'begins with {start.decode()}, got something else; choose '
            'another name. Nothing was changed.'
        )

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

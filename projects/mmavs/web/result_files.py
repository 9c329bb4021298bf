"""Files that a visitor's browser may ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_NAME = re.compile(r'[a-z]+-[0-9]+\.(mp4|webm|png|csv|wav)')


class ResultFiles:
    """The folder with the results of a visit.

    Args:
        folder (Path): The folder; is created.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True)
        self._num_names = 0

    def new(self, stem: str, suffix: str) -> Path:
        """Choose a name that no earlier file of the visit has had.

        Browsers then never show an earlier file from their cache.

        Args:
            stem (str): First part of the name, lower-case letters.
            suffix (str): Ending, such as ``'.mp4'``.

        Returns:
            Path: A file that does not exist.
        """
        self._num_names += 1
        path = self.folder / f'{stem}-{self._num_names}{suffix}'
        assert _NAME.fullmatch(path.name), path.name
        return path

    def find(self, name: str) -> Path | None:
        """Find a file that a browser asks for.

        Args:
            name (str): Its name, as the browser sent it.

        Returns:
            Path | None: The file; None if there is none of this name.
        """
        if not _NAME.fullmatch(name):
            return None
        path = self.folder / name
        return path if path.is_file() else None

    def remove(self, *stems: str, keep: Sequence[Path] = ()) -> None:
        """Remove files.

        Args:
            *stems (str): First parts of their names; none: all files.
            keep (Sequence[Path]): Files that are not removed.
        """
        for path in self.folder.iterdir():
            stem = path.name.partition('-')[0]
            if (not stems or stem in stems) and path not in keep:
                path.unlink(missing_ok=True)

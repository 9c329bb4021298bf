"""Keep what metrics computed for single clips, to resume an evaluation."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from mmavs.atomic_file import atomic_path

from .clip_metric import ClipEntry
from .semantic_functional import ClassAreas

#: What ``torch.load`` raises for damaged files.
_UNREADABLE = (
    EOFError,
    KeyError,
    RuntimeError,
    ValueError,
    pickle.UnpicklingError,
)


class ClipResults:
    """A folder with the metrics' results of clips, one file for each key.

    Files are written atomically, so a killed run leaves complete files only,
    and read as data, without executing code.

    Args:
        folder (str | Path): Made with the first file.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        torch.serialization.add_safe_globals(
            [ClassAreas, *_subclasses(ClipEntry)]
        )

    def read(self, key: str) -> list[list] | None:
        """Read the results of a clip.

        Args:
            key (str): Identifies everything the results depend on.

        Returns:
            list[list] | None: For each metric its results; None if there is
            no file.

        Raises:
            ValueError: If the file is damaged.
        """
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            return torch.load(path, weights_only=True)
        except _UNREADABLE as error:
            raise ValueError(
                f'{path}: expected results of a clip, which this tool wrote, '
                f'got a file that cannot be read ({type(error).__name__}); '
                'remove it to compute them again.'
            ) from error

    def write(self, key: str, results: list[list[Any]]) -> None:
        """Keep the results of a clip.

        Args:
            key (str): See :meth:`read`.
            results (list[list]): For each metric its results.

        Raises:
            OSError: If the file cannot be written; then there is none.
        """
        # torch.save raises RuntimeError if the disk is full, this OSError.
        content = io.BytesIO()
        torch.save(results, content)
        with atomic_path(self._path(key)) as temporary:
            temporary.write_bytes(content.getvalue())

    def _path(self, key: str) -> Path:
        return self.folder / f'{key}.pt'


def _subclasses(kind: type) -> Iterator[type]:
    children: list[type] = kind.__subclasses__()
    for child in children:
        yield child
        yield from _subclasses(child)

"""A folder for unfinished output; files of killed runs are removed."""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def working_folder(target: str | Path) -> Iterator[Path]:
    """Create a hidden folder for the unfinished files of an output.

    The folder ``.<name>.partial`` is next to the output. One run at a time may
    use it, and it is removed when the block ends. If a run was killed, the
    next run with the same output removes its files, also those of versions
    before this folder existed: ``.<stem>-<32 hexadecimal digits><suffix>``.

    Args:
        target (str | Path): The file or folder that will be written.

    Yields:
        Path: An empty folder on the same file system as ``target``.

    Raises:
        ValueError: If another run is writing the same output.
        OSError: If the folder cannot be created.
    """
    target = Path(target)
    folder = target.with_name(f'.{target.name}.partial')
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'lock', 'w') as lock:
        try:
            # The kernel releases the lock when the process ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f'{target}: expected an output that no other run is writing; '
                'wait for that run, or choose another name.'
            ) from error
        content = folder / 'content'
        shutil.rmtree(content, ignore_errors=True)
        content.mkdir()
        _remove_old_leftovers(target)
        try:
            yield content
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_old_leftovers(target: Path) -> None:
    """Remove unfinished files of killed runs of earlier versions."""
    pattern = re.compile(
        rf'\.{re.escape(target.stem)}-[0-9a-f]{{32}}{re.escape(target.suffix)}'
    )
    for path in target.parent.iterdir():
        if pattern.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)

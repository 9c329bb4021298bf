"""Write files atomically: a reader sees the old or the new content."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(
    path: str | os.PathLike[str], *, durable: bool = False
) -> Iterator[Path]:
    """Yield a temporary path that is renamed to ``path`` on success.

    The temporary file is in the same folder (created if needed), so that the
    rename is atomic. A killed process leaves the temporary file.

    Args:
        path (str | os.PathLike[str]): The file to write or replace.
        durable (bool): Sync the content to disk before the rename, so that
            the file is also complete after a power failure. The name of the
            temporary file then depends only on ``path``: one process at a
            time may write ``path``, and the next write replaces the
            temporary file of a killed process. Defaults to False: the name
            is unique, so that several processes may write one path.

    Yields:
        Path: Where to write; removed if the block raises.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Image writers choose the format by the suffix, so it stays last.
    name = f'.{target.stem}-{uuid.uuid4().hex}{target.suffix}'
    temporary = target.with_name(
        f'.{target.name}.partial' if durable else name
    )
    try:
        yield temporary
        if durable:
            with open(temporary, 'rb+') as file:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write a value as JSON, atomically.

    Args:
        path (str | os.PathLike[str]): File; its folder is made if absent.
        content (Any): What ``json.dumps`` takes.

    Raises:
        TypeError: If the content cannot be written as JSON; an existing file
            is not changed.
        OSError: If the file cannot be written.
    """
    text = json.dumps(content, indent=2) + '\n'
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding='utf-8')

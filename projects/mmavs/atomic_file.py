"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path that becomes ``path`` when the block succeeds.

    The temporary file lies in the same folder, which is made if needed, so
    that the final rename is atomic; several processes may write one path.

    Args:
        path (str | os.PathLike[str]): The file to write or replace.

    Yields:
        Path: Where to write; removed if the block raises.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Image writers choose the format by the suffix, so it stays last.
    temporary = target.with_name(
        f'.{target.stem}-{uuid.uuid4().hex}{target.suffix}'
    )
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)

"""Check that a folder contains only files that a dump of masks wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_MASK = re.compile(r'\d+\.png')
#: Temporary files of ``atomic_path`` that a killed process leaves.
_TEMPORARY = re.compile(r'\.(\w+)-[0-9a-f]{32}\.(png|json)')


def check_own_files(root: Path, *, marks: Sequence[str], record: str) -> None:
    """Raise an error if a folder has files that no dump of masks wrote.

    File names alone do not suffice: a folder of labels also has
    ``<name>/<name>/0.png``. Therefore a folder that contains any file must
    also contain one of ``marks``, or the record of a clip. Temporary files of
    marks do not count: another process may be about to write the first mark.

    Args:
        root (Path): The folder; may be absent.
        marks (Sequence[str]): Names of files in ``root``.
        record (str): Name of the file in the folder of each complete clip.

    Raises:
        ValueError: If there is another file, or ``root`` is not a folder.
    """
    if not root.exists():
        return
    if not root.is_dir():
        raise ValueError(f'{root}: expected a folder for masks, got a file')
    files = list(_walk(root, root))
    for path in files:
        depth = len(path.relative_to(root).parts)
        is_ours = _TEMPORARY.fullmatch(path.name) or (
            (depth == 1 and path.name in marks)
            or (depth == 3 and path.name == record)
            or (depth == 3 and _MASK.fullmatch(path.name))
        )
        if not is_ours:
            _refuse(root, path)
    # Checked after the names, because another process may have started to
    # write in the meantime.
    proofs = [root / name for name in marks]
    proofs += [path for path in files if path.name == record]
    doubtful = [path for path in files if not _becomes(path, root, marks)]
    if doubtful and not any(_is_record(path) for path in proofs):
        _refuse(root, doubtful[0])


def _walk(root: Path, folder: Path) -> Iterator[Path]:
    """Yield all files below a folder; a link to a folder counts as a file."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _walk(root, path)
        else:
            yield path


def _becomes(path: Path, root: Path, marks: Sequence[str]) -> bool:
    """Return whether a file is a temporary file of a mark of ``root``."""
    name = _TEMPORARY.fullmatch(path.name)
    return (
        path.parent == root
        and name is not None
        and f'{name[1]}.{name[2]}' in marks
    )


def _is_record(path: Path) -> bool:
    """Return whether a file is a mark, an index or a record of a dump."""
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and 'checkpoint_hash' in content


def _refuse(root: Path, path: Path) -> None:
    raise ValueError(
        f'{root}: expected a new folder for masks, or one that --dump-masks '
        f'wrote, got {path.relative_to(root)}, which no dump has written; '
        'choose another folder. Nothing was changed.'
    )

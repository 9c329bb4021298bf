"""Tell folders that a dump of masks wrote from all others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_MASK = re.compile(r'\d+\.png')
#: What ``atomic_path`` leaves in a folder when its process is killed.
_TEMPORARY = re.compile(r'\.\w+-[0-9a-f]{32}\.(png|json)')


def check_own_files(root: Path, *, marks: Sequence[str], record: str) -> None:
    """Refuse a folder with files that no dump of masks has written.

    Names are not enough: a folder of labels has ``<name>/<name>/0.png``, too.
    So a folder that holds any file must also hold one of ``marks``, or the
    record of a clip.

    Args:
        root (Path): The folder; may be absent.
        marks (Sequence[str]): Names of files in ``root``.
        record (str): Name of the file in the folder of each complete clip.

    Raises:
        ValueError: If there is another file, or ``root`` is no folder.
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
    # After the names: another process may have begun to write meanwhile.
    proofs = [root / name for name in marks]
    proofs += [path for path in files if path.name == record]
    if files and not any(_is_record(path) for path in proofs):
        _refuse(root, files[0])


def _walk(root: Path, folder: Path) -> Iterator[Path]:
    """Give all files below, links to folders as files."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _walk(root, path)
        else:
            yield path


def _is_record(path: Path) -> bool:
    """Tell whether a file is one of those that describe masks."""
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

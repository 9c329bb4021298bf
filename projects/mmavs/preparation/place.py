"""Link or copy files so that an interrupted run can be repeated."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .source_files import SourceFile

Link = Literal['sym', 'hard', 'copy']

#: The disk is full, the quota is used up, or a file may not be this large.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def partial_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to ``target`` on success.

    Its name depends only on ``target``, so that the next run replaces what a
    killed one left. One process at a time may write ``target``.

    Args:
        target (Path): The file to write or replace.

    Yields:
        Path: Where to write; removed if the block raises.

    Raises:
        OSError: If the disk is full; the message says what to do.
    """
    partial = target.with_name(f'.{target.name}.partial')
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.unlink(missing_ok=True)
    try:
        yield partial
        os.replace(partial, target)
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise OSError(
            f'{target}: cannot be written ({error.strerror}); free space on '
            'the disk and run the same command again, which continues.'
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def place(source: SourceFile, target: Path, link: Link) -> None:
    """Link or copy a file, unless this has been done.

    Args:
        source (SourceFile): The file; members of archives are always copied.
        target (Path): Its new name.
        link (Link): ``'sym'``, ``'hard'`` or ``'copy'``.

    Raises:
        OSError: If the file cannot be linked or written.
        ValueError: If a hard link would lead to another disk.
    """
    if is_placed(source, target, link):
        return
    with partial_path(target) as partial:
        if link == 'copy' or source.member:
            source.copy_to(partial)
        elif link == 'sym':
            os.symlink(os.path.realpath(source.path), partial)
        else:
            _link_hard(source.path, partial)


def _link_hard(source: str, partial: Path) -> None:
    try:
        os.link(os.path.realpath(source), partial)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        raise ValueError(
            f'{source}: expected a file on the disk of {partial.parent}, '
            'because a hard link cannot lead to another disk '
            f'({error.strerror}); use --link sym or --link copy.'
        ) from error


def is_placed(source: SourceFile, target: Path, link: Link) -> bool:
    """Return whether a file is in place, in the form that ``link`` asks for.

    Files are renamed when they are complete, so a copy of the right size is
    a complete one.

    Args:
        source (SourceFile): The file.
        target (Path): Its new name.
        link (Link): ``'sym'``, ``'hard'`` or ``'copy'``.

    Returns:
        bool: Whether nothing is to be done.
    """
    if not target.exists():
        return False
    if link == 'copy' or source.member:
        is_own = not target.is_symlink() and not _is_same(source, target)
        return is_own and target.stat().st_size == source.size()
    if not _is_same(source, target):
        return False
    return target.is_symlink() == (link == 'sym')


def is_other_file(source: SourceFile, target: Path) -> bool:
    """Return whether a user's own file has the name of a file to write.

    Args:
        source (SourceFile): The file to write.
        target (Path): Its new name.

    Returns:
        bool: False if there is no such file, or it has the same content.
    """
    if not os.path.lexists(target):
        return False
    if not target.is_file():
        return True
    if source.member:
        return target.stat().st_size != source.size()
    if _is_same(source, target):
        return False
    return not filecmp.cmp(source.path, target, shallow=False)


def _is_same(source: SourceFile, target: Path) -> bool:
    return not source.member and os.path.samefile(source.path, target)


def remove_partial(folder: Path) -> None:
    """Remove what killed runs left in the folder of a clip.

    Args:
        folder (Path): The folder; it need not exist.
    """
    for path in [*folder.glob('.*.partial'), *folder.glob('*/.*.partial')]:
        path.unlink(missing_ok=True)


def copy_video(source: SourceFile, folder: Path) -> Path:
    """Return the path of a video, unpacked if it is in an archive.

    Args:
        source (SourceFile): The video.
        folder (Path): Folder of the clip, for the unpacked video;
            :func:`remove_partial` removes it.

    Returns:
        Path: The video.
    """
    if not source.member:
        return Path(source.path)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'.video{Path(source.member).suffix}.partial'
    source.copy_to(path)
    return path


def check_space(folder: Path, num_bytes: int) -> None:
    """Raise OSError if copies would not fit on the disk.

    Args:
        folder (Path): Where the copies go; need not exist.
        num_bytes (int): Their size.

    Raises:
        OSError: If there is less free space.
    """
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < num_bytes:
        raise OSError(
            f'{folder}: expected {num_bytes} bytes of free space for the '
            f'copies, got {free}; free space, or use --link sym.'
        )

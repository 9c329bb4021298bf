"""Faults of a file that show without reading its content."""

from __future__ import annotations

import errno
import os
import stat
from typing import NamedTuple

_ANYONE_READS = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


class FileFault(NamedTuple):
    """Why a file cannot be read.

    Attributes:
        kind (str): ``'missing'``, ``'link'``, ``'folder'``,
            ``'permission'`` or ``'empty'``.
        text (str): Description.
    """

    kind: str
    text: str


def find_fault(path: str) -> FileFault | None:
    """Check that a file exists, is not empty and may be read.

    Also for the superuser, a file that nobody may read is a fault: the next
    user cannot read it.

    Args:
        path (str): The file.

    Returns:
        FileFault | None: The fault, or None.
    """
    try:
        state = os.stat(path)
    except OSError as error:
        return _fault_of(path, error)
    if stat.S_ISDIR(state.st_mode):
        return FileFault('folder', 'expected a file, got a folder')
    if not state.st_mode & _ANYONE_READS or not os.access(path, os.R_OK):
        mode = stat.filemode(state.st_mode)
        return FileFault('permission', f'may not be read (mode {mode})')
    if state.st_size == 0:
        return FileFault('empty', 'the file has 0 bytes')
    return None


def find_folder_fault(path: str) -> FileFault | None:
    """Check that a folder exists and may be listed.

    Args:
        path (str): The folder.

    Returns:
        FileFault | None: The fault, or None.
    """
    try:
        state = os.stat(path)
    except OSError as error:
        return _fault_of(path, error)
    if not stat.S_ISDIR(state.st_mode):
        return FileFault('folder', 'expected a folder, got a file')
    allowed = os.access(path, os.R_OK | os.X_OK)
    if not state.st_mode & _ANYONE_READS or not allowed:
        mode = stat.filemode(state.st_mode)
        return FileFault('permission', f'may not be listed (mode {mode})')
    return None


def _fault_of(path: str, error: OSError) -> FileFault:
    """Explain why a file has no state."""
    if error.errno == errno.EACCES:
        return FileFault('permission', 'a folder above it may not be entered')
    if error.errno == errno.ELOOP:
        return FileFault('link', 'symbolic links lead in a circle')
    if os.path.islink(path):
        target = os.readlink(path)
        return FileFault(
            'link', f'symbolic link to {target}, which is missing'
        )
    return FileFault('missing', 'there is no such file')

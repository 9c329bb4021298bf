"""Arrays in one file that shows when it is damaged.

A file is a ``.npy`` of one record, followed by the CRC-32 of everything
before it. numpy ignores the last four bytes, so ``numpy.load`` reads the file.
"""

from __future__ import annotations

import errno
import functools
import io
import logging
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from .atomic_file import atomic_path

_CHECKSUM = np.dtype('<u4')
#: Errors of a disk that is full or whose quota is used up.
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def explain_full_disk(
    content: str, folder: Path, option: str
) -> Iterator[None]:
    """Say what to do when a store cannot be written because the disk is full.

    Args:
        content (str): What is stored.
        folder (Path): The store.
        option (str): The option that names it.

    Yields:
        None: While a file is written.

    Raises:
        OSError: If it cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise OSError(
            f'no space left for {content} in {folder}; what is stored so far '
            f'stays usable. Free some space, or train without {option}.'
        ) from error


def write_record(path: Path, fields: Mapping[str, np.ndarray]) -> None:
    """Write arrays atomically; several processes may write the same file.

    Args:
        path (Path): The file, ending in ``.npy``.
        fields (Mapping[str, np.ndarray]): Arrays of any shape by name.

    Raises:
        OSError: If it cannot be written, for example on a full disk.
    """
    # Long numbers first, so that all of them are aligned.
    names = sorted(fields, key=lambda name: -fields[name].itemsize)
    record = np.zeros(
        1, [(n, fields[n].dtype.str, fields[n].shape) for n in names]
    )
    for name in names:
        record[name] = fields[name]
    file = io.BytesIO()
    np.lib.format.write_array(file, record, (1, 0), allow_pickle=False)
    content = file.getvalue()
    checksum = np.array(zlib.crc32(content), _CHECKSUM).tobytes()
    with atomic_path(path) as part:
        part.write_bytes(content + checksum)


def read_record(path: Path) -> dict[str, np.ndarray] | None:
    """Read a file that :func:`write_record` has written.

    Args:
        path (Path): The file.

    Returns:
        dict[str, np.ndarray] | None: The arrays, views of one buffer. None
        if there is no such file, or if it is damaged: its checksum is wrong,
        of which the log warns.

    Raises:
        OSError: If the file cannot be read.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        return None
    body = content[: -_CHECKSUM.itemsize]
    checksum = content[len(body) :].tobytes()
    if checksum != np.array(zlib.crc32(body.data), _CHECKSUM).tobytes():
        print_log(
            f'{path} is damaged (wrong checksum); it is written again.',
            logger='current',
            level=logging.WARNING,
        )
        return None
    # Version 1.0: magic, version and length of the header take ten bytes.
    start = 10 + int.from_bytes(body[8:10].tobytes(), 'little')
    dtype = _record_type(body[:start].tobytes())
    record = body[start:].view(dtype)[0]
    return {name: record[name] for name in dtype.names or ()}


@functools.lru_cache(maxsize=256)
def _record_type(header: bytes) -> np.dtype:
    """Parse the header of a file; that of most files is the same."""
    file = io.BytesIO(header)
    np.lib.format.read_magic(file)
    _, _, dtype = np.lib.format.read_array_header_1_0(file)
    return dtype

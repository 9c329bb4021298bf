"""Hashes that identify configs and files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping

#: Bytes that :func:`hash_excerpt` reads at each of three places.
_EXCERPT = 16 * 1024


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes.

    Args:
        path (str | os.PathLike[str]): For example a checkpoint.

    Returns:
        str: 64 hexadecimal digits.
    """
    with open(path, 'rb') as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_config(config: Mapping) -> str:
    """Return the SHA-256 of a config's content, independent of key order.

    Args:
        config (Mapping): For example ``cfg.to_dict()``.

    Returns:
        str: 64 hexadecimal digits.
    """
    text = json.dumps(config, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_excerpt(path: str | os.PathLike[str]) -> str:
    """Hash a file's size and the bytes at its start, middle and end.

    Reads at most 48 KiB, so that all files of a data set can be compared
    quickly. Files that differ only elsewhere have the same hash.

    Args:
        path (str | os.PathLike[str]): For example a sound file.

    Returns:
        str: 64 hexadecimal digits.
    """
    with open(path, 'rb') as file:
        size = file.seek(0, os.SEEK_END)
        digest = hashlib.sha256(f'{size}:'.encode())
        for start in (0, (size - _EXCERPT) // 2, size - _EXCERPT):
            file.seek(max(0, start))
            digest.update(file.read(_EXCERPT))
    return digest.hexdigest()

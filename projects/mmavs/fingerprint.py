"""Hashes that identify configs and files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping


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
    """Return the SHA-256 of a config's content, whatever its key order.

    Args:
        config (Mapping): For example ``cfg.to_dict()``.

    Returns:
        str: 64 hexadecimal digits.
    """
    text = json.dumps(config, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()

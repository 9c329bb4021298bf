"""List what a checkpoint's pickle needs, without running it."""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

#: Packages whose classes ``torch.save`` names for weights and plain data.
_OF_WEIGHTS = ('torch.', 'collections.OrderedDict')
#: What ``pickletools`` raises for bytes that are no pickle.
_NO_PICKLE = (ValueError, KeyError, OSError, zipfile.BadZipFile)


class PickleNames(NamedTuple):
    """What a pickle says about itself.

    Attributes:
        protocol (int): Version of the format.
        foreign (list[str]): Classes and functions that it needs beside those
            of weights, as ``module.name``, in the order of the file.
    """

    protocol: int
    foreign: list[str]


def read_pickle_names(path: str | Path) -> PickleNames | None:
    """Parse the pickle of a checkpoint up to its end.

    Args:
        path (str | Path): A file of ``torch.save`` or ``pickle.dump``.

    Returns:
        PickleNames | None: None if the file is not a complete pickle.
    """
    try:
        return _parse(_read_pickle(Path(path)))
    except _NO_PICKLE:
        return None


def _read_pickle(path: Path) -> bytes:
    """Read the pickle, also from the archive that ``torch.save`` writes."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.endswith('/data.pkl')]
        return archive.read(names[0]) if names else b''


def _parse(content: bytes) -> PickleNames:
    protocol, foreign = 0, []
    # Texts that were pushed, and what the pickle remembers by number; None
    # stands for any other value.
    pushed: list[str | None] = []
    memo: dict[int, str | None] = {}
    for opcode, value, _ in pickletools.genops(io.BytesIO(content)):
        name = opcode.name
        argument: Any = value
        found = None
        if name == 'PROTO':
            protocol = argument
        elif name == 'GLOBAL':
            found = argument.replace(' ', '.')
        elif name == 'STACK_GLOBAL':
            found = '.'.join(map(str, pushed[-2:]))
        elif name == 'MEMOIZE':
            memo[len(memo)] = pushed[-1] if pushed else None
        elif name.endswith('PUT'):
            memo[int(argument)] = pushed[-1] if pushed else None
        elif name.endswith('GET'):
            pushed.append(memo.get(int(argument)))
        else:
            pushed.append(argument if isinstance(argument, str) else None)
        if found is not None:
            pushed.append(None)
            if not found.startswith(_OF_WEIGHTS):
                foreign.append(found)
    return PickleNames(protocol, foreign)

"""The environment of new Python processes that import mmavs."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

#: Modules that shorten the start of a process by about 40 %.
QUICK_START = Path(__file__).with_name('quick_start')


def quick_environment(
    path: Sequence[str | Path] | None = None,
) -> dict[str, str]:
    """Return an environment in which mmavs is imported in less time.

    A process has neither transformers nor frequent garbage collection.

    Args:
        path (Sequence[str | Path] | None): Folders of modules; None means
            those of this process.

    Returns:
        dict[str, str]: That of this process with another ``PYTHONPATH``.
    """
    folders = [QUICK_START, *(sys.path if path is None else path)]
    return {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(filter(None, map(str, folders))),
    }

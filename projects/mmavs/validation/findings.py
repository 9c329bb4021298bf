"""What is wrong with a data set, and the command that mends it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

_TOOLS = 'python tools/dataset_converters'
_VALIDATE = f'{_TOOLS}/validate_avsbench.py'
_PREPARE = f'{_TOOLS}/prepare_avsbench.py'

Severity = Literal['error', 'warning']


class Finding(NamedTuple):
    """One fault of a data set.

    Attributes:
        kind (str): Name of the fault, such as ``'frame-missing'``.
        path (str): File, folder or table that has it.
        text (str): What was expected and what was found.
        mend (str): Command that mends it.
        severity (str): ``'error'``: loading fails or results change.
            ``'warning'``: the data set can be used as it is.
        clip (str): ``'subset/clip_id'``; empty if no single clip is faulty.
    """

    kind: str
    path: str
    text: str
    mend: str
    severity: Severity = 'error'
    clip: str = ''

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as ``json.dumps`` takes it."""
        return self._asdict()


class Mending(NamedTuple):
    """Make the commands that mend findings.

    Attributes:
        root (str): Root of the data set.
        is_avsbench (bool): Whether ``prepare_avsbench.py`` can write its
            files again. If not, the user has to copy them from the release.
    """

    root: str
    is_avsbench: bool = True

    def restore(self, *paths: str) -> str:
        """Remove files and write them again from the release.

        Args:
            *paths (str): The files; those that do not exist are left out.

        Returns:
            str: The command.
        """
        if not self.is_avsbench:
            return f'cp RELEASE/FILE {shlex.join(paths)}'
        remove = removal([path for path in paths if _exists(path)])
        # SRC: the folder of the download, which only the user knows.
        prepare = f'{_PREPARE} SRC {shlex.quote(self.root)}'
        return f'{remove} && {prepare}' if remove else prepare

    def allow(self, path: str, *, is_folder: bool = False) -> str:
        """Make a file or a folder readable."""
        mode = 'u+rx' if is_folder else 'u+r'
        return f'chmod {mode} -- {shlex.quote(path)}'

    def delete_row(self, table: str, line: int) -> str:
        """Remove a row from a table."""
        return f"sed -i '{line}d' -- {shlex.quote(table)}"

    def rewrite_labels(self, option: str, *paths: str) -> str:
        """Run the validation with an option that mends labels.

        Args:
            option (str): ``'--clean-labels'`` or ``'--shift-labels'``.
            *paths (str): The faulty files, for a data set of another layout.

        Returns:
            str: The command.
        """
        if not self.is_avsbench:
            return self.restore(*paths)
        return f'{_VALIDATE} {shlex.quote(self.root)} {option}'


def removal(paths: Sequence[str], *, recursive: bool = False) -> str:
    """Return the command that removes files; empty if there are none."""
    if not paths:
        return ''
    recursive = recursive or any(_is_real_folder(path) for path in paths)
    return f'rm {"-rf" if recursive else "-f"} -- {shlex.join(paths)}'


def _exists(path: str) -> bool:
    return Path(path).is_symlink() or Path(path).exists()


def _is_real_folder(path: str) -> bool:
    return Path(path).is_dir() and not Path(path).is_symlink()

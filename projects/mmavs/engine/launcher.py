"""Start the tools of this project as processes that share a lock."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, NamedTuple

import torch

#: With fewer free bytes, a full disk is the likely cause of a failure.
_LITTLE_SPACE = 1 << 20
#: Characters of a log that an error message quotes.
_MAX_CAUSE = 300


class Launcher(NamedTuple):
    """Starts the tools.

    Attributes:
        name (str): 'none', 'pytorch' or 'slurm'.
        num_processes (int): Number of processes of a training or test.
        partition (str | None): Slurm partition.
        lock (int): File descriptor of the lock, which every started process
            inherits.
        tools (Path): Folder of ``train.py`` and ``test.py``.
        environment (Mapping[str, str]): Variables that the processes get in
            addition to those of this process.
    """

    name: str
    num_processes: int
    partition: str | None
    lock: int
    tools: Path
    environment: Mapping[str, str] = MappingProxyType({})

    def command(self, tool: str, *arguments: object) -> list[str]:
        """Make the command line that starts a tool.

        Args:
            tool (str): 'train' or 'test', or, if ``name`` is 'none', another
                file of ``tools`` without ``.py``.
            *arguments (object): Its positional arguments, then its options.

        Returns:
            list[str]: The words of the command. The environment variables
            are set in :meth:`run`.
        """
        words = [str(argument) for argument in arguments]
        if self.name == 'none':
            return [sys.executable, str(self.tools / f'{tool}.py'), *words]
        if self.name == 'slurm':
            script = str(self.tools / f'slurm_{tool}.sh')
            return ['bash', script, str(self.partition), tool, *words]
        # dist_*.sh take the number of processes after the positional ones.
        place = {'train': 1, 'test': 2}[tool]
        words.insert(place, str(self.num_processes))
        return ['bash', str(self.tools / f'dist_{tool}.sh'), *words]

    def run(self, tool: str, *arguments: object) -> None:
        """Print a command, run it, and stop if it fails.

        Args:
            tool (str): See :meth:`command`.
            *arguments (object): See :meth:`command`.

        Raises:
            SystemExit: If the command fails.
        """
        words = self.command(tool, *arguments)
        print(f'\n$ {shlex.join(words)}', flush=True)
        code = start(words, self._variables(), self.lock)
        if code:
            sys.exit(
                f'The command above ended with {code}. Once the cause is '
                'removed, the same command of run_stepping_stones.py goes on '
                'from here.'
            )

    def _variables(self) -> dict[str, str]:
        """Return the environment of a started process."""
        variables = {'PYTHON': sys.executable, **os.environ}
        variables.update(self.environment)
        if self.name == 'slurm':
            variables['GPUS'] = str(self.num_processes)
            # The scripts assume four GPUs per node.
            node = min(self.num_processes, 4)
            variables.setdefault('GPUS_PER_NODE', str(node))
        return variables


class LoggingLauncher(Launcher):
    """Starts tools that run at the same time; their output goes to files."""

    def run(self, tool: str, *arguments: object) -> None:
        """Run a tool and exit if it fails.

        Args:
            tool (str): See :meth:`command`.
            *arguments (object): Its arguments, including ``--work-dir``; the
                output is appended to ``<tool>.txt`` in that folder.

        Raises:
            SystemExit: If the tool fails.
        """
        words = [str(argument) for argument in arguments]
        folder = Path(words[words.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f'{tool}.txt'
        started = time.monotonic()
        with open(path, 'a', encoding='utf-8') as log:
            code = start(
                self.command(tool, *words), self._variables(), self.lock, log
            )
        if code:
            sys.exit(
                f'{tool}.py ended with {code}: {_find_cause(path)}; see '
                f'{path}. Once the cause is removed, the same command '
                'continues from here.'
            )
        seconds = time.monotonic() - started
        print(f'{seconds:5.0f} s  {tool:5}  {folder}', flush=True)


def start(
    words: Sequence[str],
    environment: Mapping[str, str],
    lock: int,
    log: IO[str] | None = None,
) -> int:
    """Run a command.

    Args:
        words (Sequence[str]): The command.
        environment (Mapping[str, str]): Its environment.
        lock (int): File descriptor that it inherits.
        log (IO[str] | None): File for its output; None for the screen.

    Returns:
        int: Its exit code.
    """
    return subprocess.run(
        words,
        env=dict(environment),
        pass_fds=[lock],
        stdout=log,
        stderr=None if log is None else subprocess.STDOUT,
    ).returncode


def _find_cause(log: Path) -> str:
    """Say why a tool has failed: no space, its error line, or its last one."""
    if shutil.disk_usage(log.parent).free < _LITTLE_SPACE:
        return f'less than 1 MiB is free on the disk of {log.parent}'
    text = log.read_text(encoding='utf-8', errors='replace').strip()
    lines = text.splitlines() or ['it printed nothing']
    errors = [line for line in lines if line.startswith('error: ')]
    return (errors or lines)[-1][:_MAX_CAUSE]


def device_variables(devices: Sequence[str] | None) -> list[dict[str, str]]:
    """Return the environment variables that select each device.

    Args:
        devices (Sequence[str] | None): Such as ``cuda:0``, counted among
            the devices that this process may use; None for no choice.

    Returns:
        list[dict[str, str]]: One entry per device; a single, empty one
        without a choice.

    Raises:
        ValueError: If there is no such device.
    """
    if devices is None:
        return [{}]
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    names = [str(i) for i in range(torch.cuda.device_count())]
    if visible is not None:
        names = visible.split(',')[: len(names)]
    found = []
    for device in devices:
        index = int(device.partition(':')[2])
        if index >= len(names):
            raise ValueError(
                f'--devices {device}: expected one of the {len(names)} CUDA '
                'devices of this machine; without CUDA use --jobs.'
            )
        found.append(dict(CUDA_VISIBLE_DEVICES=names[index]))
    return found


@contextmanager
def lock(root: Path) -> Iterator[int]:
    """Lock a work dir; wait for processes that a killed run left running.

    A training continues when the command that started it is killed, and it
    must end before another run may use its folder. It inherits the lock and
    holds it until it exits.

    Args:
        root (Path): The work dir, created if it does not exist.

    Yields:
        int: File descriptor that started processes must inherit.

    Raises:
        ValueError: If ``root`` is a file.
    """
    if root.is_file():
        raise ValueError(
            f'work dir {root}: expected a folder, got a file; choose another '
            'with --work-dir.'
        )
    root.mkdir(parents=True, exist_ok=True)
    path = root / '.lock'
    with open(path, 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f'Processes of an earlier run still work in {root}; waiting '
                f'until they end (`fuser {path}` lists them).',
                flush=True,
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()

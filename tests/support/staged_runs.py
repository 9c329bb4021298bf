"""Runs of tools that start trainings and tests, which are forked here.

A forked step starts in milliseconds, where a new Python takes seconds to
import torch. Everything else, the killing above all, is real.
"""

import itertools
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.runner import EpochBasedTrainLoop, TestLoop

from support import toy_training
from support.forked import run_tool_in_two_processes

#: Tool of a script, and the place of the number of processes.
DISTRIBUTED = {
    'dist_train.sh': ('train.py', 1),
    'dist_test.sh': ('test.py', 2),
}
LOOPS = {'train': EpochBasedTrainLoop, 'test': TestLoop}


class Kill(NamedTuple):
    """When to ``kill -9``.

    Attributes:
        command (int): In which of the commands that this run starts, from 0.
        iteration (int): Before which of its iterations, from 1.
        only_parent (bool): Do not kill the command itself.
    """

    command: int
    iteration: int
    only_parent: bool = False


def run_stages(
    arguments: Sequence[str],
    kill: Kill | None,
    logs: str,
    tool: str = 'run_stepping_stones.py',
) -> None:
    """Run a tool that starts others; the target of a process of its own.

    Args:
        arguments (Sequence[str]): Of the tool.
        kill (Kill | None): When to kill it.
        logs (str): Folder for what each command, and the tool, prints.
        tool (str): The tool.
    """
    os.setpgrp()
    folder = Path(logs)
    folder.mkdir()
    run, count = subprocess.run, itertools.count()

    def fork(words, env, pass_fds, stdout, stderr):
        number = next(count)
        child = os.fork()
        if child == 0:
            subprocess.run = run
            if kill is not None and kill.command == number:
                _arm(words, kill)
            _run_step(words, folder / f'{number}.txt')
        _, status = os.waitpid(child, 0)
        return subprocess.CompletedProcess(
            words, os.waitstatus_to_exitcode(status)
        )

    subprocess.run = fork
    toy_training.run_tool(tool, arguments, None, folder / 'tool.txt')


def _run_step(words: Sequence[str], log: Path) -> None:
    """Run ``python TOOL ARGUMENTS`` in this process.

    ``bash dist_train.sh ARGUMENTS`` and ``bash dist_test.sh ARGUMENTS`` are
    run in two processes, without the script.
    """
    code = 1
    tool, *arguments = words[1:]
    try:
        if Path(tool).name in DISTRIBUTED:
            name, positional = DISTRIBUTED[Path(tool).name]
            assert arguments.pop(positional) == '2'
            run_tool_in_two_processes(name, arguments, log)
        else:
            toy_training.run_tool(Path(tool).name, arguments, None, log)
        code = 0
    finally:
        os._exit(code)


def _arm(words: Sequence[str], kill: Kill) -> None:
    loop = LOOPS[Path(words[1]).stem]
    run_iter, calls = loop.run_iter, itertools.count(1)

    def killing(self, *args, **kwargs):
        if next(calls) == kill.iteration:
            if kill.only_parent:
                os.kill(os.getppid(), signal.SIGKILL)
            else:
                os.killpg(0, signal.SIGKILL)
        return run_iter(self, *args, **kwargs)

    loop.run_iter = killing

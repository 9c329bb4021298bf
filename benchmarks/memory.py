"""The measure of peak memory that all benchmarks share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
#: Linux: writing '5' resets the process's peak memory.
_CLEAR_PEAK = Path('/proc/self/clear_refs')
_UNKNOWN = 'unknown'


def added_memory(
    run: Callable[[], object], device: str = 'cpu', *, calls: int = 3
) -> int | None:
    """Measure how far one call raises the memory of this process.

    Call this in a new process, see :func:`run_in_new_process`, and call
    ``run`` on small inputs before, so that libraries are loaded already.

    Args:
        run (Callable[[], object]): What is measured.
        device (str): 'cpu' for resident memory, or 'cuda' for memory that
            torch allocates on the GPU.
        calls (int): How often it is called, an odd number.

    Returns:
        int | None: Bytes, the median of the calls; None for the CPU of a
        system other than Linux, which does not report it.
    """
    if device == 'cpu' and not _CLEAR_PEAK.exists():
        return None
    added = _added_on_cuda if device == 'cuda' else _added_on_cpu
    return sorted(added(run) for _ in range(calls))[calls // 2]


def peak_of_process() -> int | None:
    """Return the largest memory that this process has had.

    Returns:
        int | None: Bytes of resident memory; None on a system other than
        Linux.
    """
    return _status_bytes('VmHWM') if _CLEAR_PEAK.exists() else None


def print_memory(added: int | None) -> None:
    """Print what :func:`run_in_new_process` reads."""
    print(_UNKNOWN if added is None else added)


def run_in_new_process(module: str, *arguments: object) -> int | None:
    """Run a benchmark that measures memory and calls :func:`print_memory`.

    Args:
        module (str): Dotted name, as after ``python -m``.
        *arguments (object): Its command line; paths must be absolute.

    Returns:
        int | None: What :func:`added_memory` returned there.

    Raises:
        RuntimeError: If the process fails; with what it wrote to stderr.
    """
    printed = last_line_of_new_process(module, *arguments)
    return None if printed == _UNKNOWN else int(printed)


def last_line_of_new_process(module: str, *arguments: object) -> str:
    """Run a benchmark in a process whose memory can be measured.

    Args:
        module (str): Dotted name, as after ``python -m``.
        *arguments (object): Its command line; paths must be absolute.

    Returns:
        str: The last line that it prints.

    Raises:
        RuntimeError: If the process fails; with what it wrote to stderr.
    """
    # glibc keeps freed memory, in which later peaks would be hidden.
    env = dict(
        os.environ, MALLOC_TRIM_THRESHOLD_='0', MALLOC_MMAP_THRESHOLD_='65536'
    )
    command = [sys.executable, '-m', module, *map(str, arguments)]
    run = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True
    )
    if run.returncode:
        raise RuntimeError(f'{" ".join(command)} failed:\n{run.stderr}')
    return run.stdout.splitlines()[-1]


def _added_on_cuda(run: Callable[[], object]) -> int:
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    return torch.cuda.max_memory_allocated() - before


def _added_on_cpu(run: Callable[[], object]) -> int:
    _CLEAR_PEAK.write_text('5')
    before = _status_bytes('VmRSS')
    run()
    return _status_bytes('VmHWM') - before


def _status_bytes(name: str) -> int:
    """Read a line such as 'VmRSS:   1234 kB'."""
    lines = Path('/proc/self/status').read_text('utf-8').splitlines()
    (line,) = (line for line in lines if line.startswith(f'{name}:'))
    return int(line.split()[1]) * 1024

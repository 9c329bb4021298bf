"""Two processes of one group, forked from this one.

A forked process starts in milliseconds, where a new Python takes seconds to
import torch. ``tests/test_tools/test_dist.py`` starts real ones.
"""

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from support import toy_training


def run_in_two_processes(worker: Callable, rendezvous: str, *args) -> None:
    """Run ``worker(rank, *args)`` in two processes of one gloo group.

    Args:
        worker (Callable): The function.
        rendezvous (str): Path of a file that does not exist yet.
        *args: Passed on.

    Raises:
        Exception: If either process fails; the other one is ended.
    """
    _fork_two(_join_and_run, worker, rendezvous, args)


def _join_and_run(
    rank: int, worker: Callable, rendezvous: str, args: tuple
) -> None:
    # mmengine puts its temporary folder into the working directory.
    os.chdir(os.path.dirname(rendezvous))
    dist.init_process_group(
        'gloo', init_method=f'file://{rendezvous}', rank=rank, world_size=2
    )
    worker(rank, *args)
    dist.destroy_process_group()


def run_tool_in_two_processes(
    tool: str, arguments: Sequence[str], log: Path
) -> None:
    """Run ``tools/<tool>`` with the environment that torchrun gives.

    Args:
        tool (str): ``train.py`` or ``test.py``.
        arguments (Sequence[str]): Without ``--launcher``.
        log (Path): For stderr of the first process; the second one's has
            ``.1`` appended.

    Raises:
        Exception: If either process fails; the other one is ended.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    words = [*map(str, arguments), '--launcher', 'pytorch']
    _fork_two(_run_rank, tool, words, str(log), port)


def _run_rank(
    rank: int, tool: str, words: list[str], log: str, port: int
) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE='2',
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
    )
    toy_training.run_tool(tool, words, None, f'{log}.{rank}' if rank else log)


def _fork_two(worker: Callable, *args) -> None:
    # Forked processes have none of OpenMP's threads, so they must use one.
    mp.start_processes(
        _run_with_one_thread, (worker, args), nprocs=2, start_method='fork'
    )


def _run_with_one_thread(rank: int, worker: Callable, args: tuple) -> None:
    torch.set_num_threads(1)
    worker(rank, *args)

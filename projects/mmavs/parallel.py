"""Call a function for many items in several processes, with progress."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import TypeVar

from rich.progress import track

Item = TypeVar('Item')
Result = TypeVar('Result')

#: Items that a process takes at a time.
_CHUNK = 4


def usable_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    num_workers: int,
    description: str,
) -> Iterator[Result]:
    """Call a function for each item and show the progress.

    If this process is killed, the other ones end within a moment, so that a
    second run does not meet those of the first.

    Args:
        function (Callable[[Item], Result]): Can be pickled, as can its
            argument and its result, if ``num_workers`` exceeds 1.
        items (Sequence[Item]): The items.
        num_workers (int): Number of processes; with 1 or less the calls are
            made in this process.
        description (str): Text of the progress bar.

    Yields:
        Result: The results, in the order of the items.

    Raises:
        Exception: What the function raises; later items may be skipped.
    """
    if num_workers <= 1:
        yield from map(function, track(items, description=description))
        return
    with ProcessPoolExecutor(
        num_workers, initializer=_end_with_parent
    ) as pool:
        # The processes start here, before the thread of the progress bar
        # does: a process forked beside a thread may wait for its locks.
        results = pool.map(function, items, chunksize=_CHUNK)
        try:
            yield from track(
                results, description=description, total=len(items)
            )
        except BaseException:
            # Also Ctrl-C and a caller that stops early: leaving the block
            # would first work through everything that waits.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """End this process when the one that started it ends, for any reason."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

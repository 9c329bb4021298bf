"""Fill the store of packed clips before a training."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from pathlib import Path

from mmavs.parallel import map_in_processes

from .base_clip import BaseClipDataset
from .transforms import LoadWaveform, LogMel, PackedPictures

#: A temporary file of this age belongs to a process that was killed.
_LEFTOVER_SECONDS = 3600


def pack_clips(dataset: BaseClipDataset, *, num_workers: int) -> None:
    """Pack all clips of a data set; those that are packed already are read.

    A clip whose stored file is damaged is packed again. It can be stopped at
    any time and started again.

    Args:
        dataset (BaseClipDataset): Made with the option ``pack_dir``.
        num_workers (int): Processes.

    Raises:
        ValueError: If the data set does not pack its clips, or a file of a
            clip cannot be read; names it.
        OSError: If a clip cannot be stored, for example on a full disk.
    """
    steps = dataset.pipeline.transforms
    if not any(isinstance(step, PackedPictures) for step in steps):
        raise ValueError(
            f'the pipeline of the {"+".join(dataset.splits)} data set has no '
            'LoadClipFrames, whose result could be packed.'
        )
    pack = functools.partial(_pack_clip, [s for s in steps if _stores(s)])
    clips = [dataset.get_data_info(i) for i in range(len(dataset))]
    for _ in map_in_processes(
        pack,
        clips,
        num_workers=num_workers,
        description=f'packing {"+".join(dataset.splits)}',
    ):
        pass


def remove_leftovers(pack_dir: Path) -> int:
    """Remove the temporary files that killed processes left in a store.

    Args:
        pack_dir (Path): Folder of the store. Files younger than an hour are
            kept, because another process may be writing them.

    Returns:
        int: Number of files removed.
    """
    limit = time.time() - _LEFTOVER_SECONDS
    removed = 0
    # mmavs.atomic_file: .NAME-HEX.SUFFIX
    for path in pack_dir.rglob('.*-*'):
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink()
            removed += 1
    return removed


def _stores(step: object) -> bool:
    return isinstance(step, (PackedPictures, LoadWaveform, LogMel))


def _pack_clip(steps: Sequence, clip: dict) -> None:
    """Run the transforms that store their result."""
    for step in steps:
        clip = step(clip)

"""Find the audio front end in the pipeline of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import Dataset

from .transforms.audio_front_end import AudioFrontEnd


def find_front_end(dataset: Dataset) -> AudioFrontEnd | None:
    """Find the audio front end that computes a dataset's rows of audio.

    Also searches wrappers (``ConcatDataset``, ``RepeatDataset``) and
    transforms that contain transforms (``Compose``, ``RandomApply``).

    Args:
        dataset (Dataset): A dataset or a wrapper of datasets.

    Returns:
        AudioFrontEnd | None: The first one; None if there is none.

    Raises:
        ValueError: If there are front ends of several classes.
    """
    found = list(_front_ends(dataset))
    names = sorted({type(front_end).__name__ for front_end in found})
    if len(names) > 1:
        raise ValueError(
            'expected one class of audio front end in all pipelines of the '
            f'dataset, got {names}.'
        )
    return found[0] if found else None


def _front_ends(part: Any) -> Iterator[AudioFrontEnd]:
    """Yield the front ends in a dataset, a wrapper, a pipeline or a list."""
    if isinstance(part, AudioFrontEnd):
        yield part
    elif isinstance(part, (list, tuple)):
        for item in part:
            yield from _front_ends(item)
    else:
        for name in ('datasets', 'dataset', 'pipeline', 'transforms'):
            yield from _front_ends(getattr(part, name, ()))

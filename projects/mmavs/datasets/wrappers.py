"""Find the data sets inside wrappers such as ``RepeatDataset``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def iter_datasets(dataset: Any) -> Iterator[Any]:
    """Iterate over a data set and all data sets that it wraps.

    Supports mmengine's ``RepeatDataset``, ``ClassBalancedDataset`` and
    ``ConcatDataset``, and torch's ``Subset``.

    Args:
        dataset (Any): A ``torch.utils.data.Dataset``.

    Yields:
        Any: ``dataset`` itself, then the wrapped data sets, depth first.
    """
    yield dataset
    attributes = vars(dataset)
    inner = [attributes.get('dataset'), attributes.get('_dataset')]
    for wrapped in [*inner, *attributes.get('datasets', [])]:
        if wrapped is not None:
            yield from iter_datasets(wrapped)

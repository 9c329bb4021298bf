"""Find the data sets inside wrappers such as ``RepeatDataset``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmseg.registry import DATASETS

from .base_clip import BaseClipDataset


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


def clip_configs(cfg: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Iterate over the configs of data sets of clips, also inside wrappers.

    Args:
        cfg (Mapping[str, Any]): Config of a data set.

    Yields:
        Mapping[str, Any]: Configs of classes that derive from
        ``BaseClipDataset``.
    """
    inner = [cfg['dataset']] if 'dataset' in cfg else cfg.get('datasets', [])
    for wrapped in inner:
        yield from clip_configs(wrapped)
    kind = cfg['type']
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    if isinstance(kind, type) and issubclass(kind, BaseClipDataset):
        yield cfg

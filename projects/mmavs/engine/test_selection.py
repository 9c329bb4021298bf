"""Warn if the best checkpoint is chosen on the clips that it is tested on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log


def selects_on_test(cfg: Config) -> bool:
    """Return whether a config keeps the checkpoint that is best on test clips.

    Args:
        cfg (Config): The config.

    Returns:
        bool: Whether its checkpoint hook has ``save_best`` and the data set of
        ``val_dataloader``, or one that it wraps, has the split ``'test'``.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if hook.get('save_best') is None:
        return False
    dataset = (cfg.get('val_dataloader') or {}).get('dataset')
    return 'test' in _iter_splits(dataset)


def _iter_splits(dataset: Any) -> Iterator[Any]:
    """Iterate over the splits of a data set's config and of wrapped ones."""
    if isinstance(dataset, (list, tuple)):
        for part in dataset:
            yield from _iter_splits(part)
    elif isinstance(dataset, Mapping):
        split = dataset.get('split')
        yield from split if isinstance(split, (list, tuple)) else [split]
        for name in ('dataset', 'datasets'):
            yield from _iter_splits(dataset.get(name))


def warn_of_test_selection(cfg: Config) -> None:
    """Warn if :func:`selects_on_test`.

    Args:
        cfg (Config): The config.
    """
    if selects_on_test(cfg):
        best = cfg.default_hooks.checkpoint.save_best
        print_log(
            f'{cfg.filename}: save_best={best!r} chooses the checkpoint on '
            'the split test (val_dataloader.dataset.split). Its score on '
            'this split is then too high and cannot be compared with others; '
            'set val_dataloader.dataset.split=val.',
            logger='current',
            level=logging.WARNING,
        )

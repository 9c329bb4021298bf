"""Warn about names in ``--cfg-options`` that no config or class defines."""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmengine import registry as root_registries
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import Registry
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    LogProcessor,
    Runner,
    TestLoop,
    ValLoop,
)
from mmseg import registry as mmseg_registries
from torch.utils.data import DataLoader

#: Names that ``Runner`` reads from the config in addition to its parameters.
_RUNNER_NAMES = (
    'find_unused_parameters',
    'model_wrapper_cfg',
    'compile',
    'activation_checkpointing',
    'efficient_conv_bn_eval',
    'custom_imports',
)
#: At the top level of a config; any other name is a variable.
_TOP_NAMES = {
    *inspect.signature(Runner).parameters,
    *_RUNNER_NAMES,
    'data_root',
}
#: Entries that an option cannot change, and the reason.
_WITHOUT_EFFECT = {
    'launcher': 'the argument --launcher sets it; give that instead',
    'custom_imports': 'modules are imported when the config file is read; '
    'write it there',
}
_SPLITS = ('train', 'val', 'test')
#: Names that mmengine reads from any dict of the config.
_EVERYWHERE = ('type', '_delete_', '_scope_', 'convert_to_iter_based')

_LOADER = (DataLoader, ('dataset', 'num_batch_per_epoch'))
#: Entry of a config -> classes that read it if it has no ``type``, and
#: additional names.
_READERS: dict[str, tuple] = {
    'train_cfg': (EpochBasedTrainLoop, IterBasedTrainLoop, ()),
    'val_cfg': (ValLoop, ()),
    'test_cfg': (TestLoop, ()),
    'train_dataloader': _LOADER,
    'val_dataloader': _LOADER,
    'test_dataloader': _LOADER,
    'optim_wrapper': (
        OptimWrapper,
        DefaultOptimWrapperConstructor,
        ('constructor', 'loss_scale', 'dtype', 'use_fp64'),
    ),
    'randomness': (Runner.set_randomness, ()),
    'log_processor': (LogProcessor, ()),
}

#: If not all names are known, report only names with this similarity to one.
_CLOSE = 0.85


class _Names(NamedTuple):
    """Names that a dict of a config may have.

    Attributes:
        known (set[str]): The known names.
        complete (bool): Whether these are all names.
    """

    known: set[str]
    complete: bool


def warn_of_unknown_names(cfg: Config, options: Mapping[str, Any]) -> None:
    """Warn about options that nothing reads, with the most similar name.

    At the top level, the known names are those of the config and of
    ``Runner``. In a dict with ``type``, they are its keys and the parameters
    of the class, and those of its base classes as long as ``**kwargs`` are
    passed on. If not all names are known, only an option whose name is similar
    to a known one is reported.

    A variable at the top level of a config is reported too: it was
    substituted when the config was read. ``data_root`` is not, since
    ``load_config`` passes it on.

    Args:
        cfg (Config): The config before the options are merged.
        options (Mapping[str, Any]): ``--cfg-options``: values by dotted key.
    """
    settings = cfg.to_dict()
    for key in options:
        problem = _find_problem(settings, key)
        if problem is not None:
            print_log(
                f'--cfg-options {key}: {problem}',
                logger='current',
                level=logging.WARNING,
            )


def _find_problem(settings: dict[str, Any], key: str) -> str | None:
    if key == 'data_root' and _has_data_root(settings):
        return None
    first = key.partition('.')[0]
    if first in _WITHOUT_EFFECT:
        return f'this option has no effect: {_WITHOUT_EFFECT[first]}'
    if first in settings and first not in _TOP_NAMES:
        return (
            f'{first!r} is a variable of the config, which was used when the '
            'config was read; set the entries that it is used for'
        )
    node: Any = settings
    path: list[str] = []
    for name in key.split('.'):
        if isinstance(node, (list, tuple)):
            # mmengine raises an error for an index that does not exist.
            if not name.isdigit() or int(name) >= len(node):
                return None
            node = node[int(name)]
        elif not isinstance(node, Mapping):
            return None
        elif name in node:
            node = node[name]
        else:
            return _explain(name, '.'.join(path), _names(node, path))
        path.append(name)
    return None


def _has_data_root(settings: Mapping[str, Any]) -> bool:
    """Return whether ``load_config`` passes ``data_root`` to a data set."""
    loaders = (settings.get(f'{n}_dataloader') for n in _SPLITS)
    return any(
        'data_root' in (loader or {}).get('dataset', {}) for loader in loaders
    )


def _explain(name: str, place: str, names: _Names) -> str | None:
    if name in names.known:
        return None
    cutoff = 0.6 if names.complete else _CLOSE
    near = difflib.get_close_matches(name, names.known, n=1, cutoff=cutoff)
    if not names.complete and not near:
        return None
    return f'{place or "the config"} has no {name!r}' + (
        f'; did you mean {near[0]!r}?' if near else ''
    )


def _names(node: Mapping[str, Any], path: list[str]) -> _Names:
    known = {*node, *_EVERYWHERE}
    readers: list[Any]
    if not path:
        readers = [Runner]
        known.update(_RUNNER_NAMES)
    elif len(path) == 1 and path[0] in _READERS:
        *readers, more = _READERS[path[0]]
        known.update(more)
        readers += _find_classes(node.get('type'))
    else:
        readers = list(_find_classes(node.get('type')))
    complete = bool(readers)
    for reader in readers:
        parameters, is_closed = _parameters(reader)
        known |= parameters
        complete = complete and is_closed
    return _Names(known, complete)


def _find_classes(kind: Any) -> Iterator[Any]:
    """Find the classes of a config's ``type`` in all registries."""
    if kind is None:
        return
    if not isinstance(kind, str):
        yield kind
        return
    for module in (mmseg_registries, root_registries):
        for registry in vars(module).values():
            if isinstance(registry, Registry):
                found = registry.get(kind)
                if found is not None:
                    yield found


def _parameters(reader: Any) -> tuple[set[str], bool]:
    """Return the names of parameters, and whether these are all."""
    if not inspect.isclass(reader):
        return _own_parameters(reader)
    names: set[str] = set()
    for cls in reader.__mro__:
        if '__init__' in vars(cls) and cls is not object:
            own, is_closed = _own_parameters(cls.__init__)
            names |= own
            if is_closed:
                return names, True
    return names, False


def _own_parameters(function: Any) -> tuple[set[str], bool]:
    parameters = inspect.signature(function).parameters.values()
    kinds = {parameter.kind for parameter in parameters}
    names = {parameter.name for parameter in parameters} - {'self'}
    return names, inspect.Parameter.VAR_KEYWORD not in kinds

"""Read config files and override their settings, with errors that help."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

_SUFFIXES = ('.py', '.json', '.yaml', '.yml')
#: Entries of configs that are whole numbers.
_COUNTS = (
    'batch_size',
    'num_workers',
    'max_epochs',
    'max_iters',
    'val_interval',
    'seed',
)
#: Types of the entries at the top level of a config; each may be None.
_TEXT, _DICT, _DICTS = (str,), (dict,), (dict, list, tuple)
_TYPES: dict[str, tuple[type, ...]] = {
    'model': _DICT,
    'work_dir': _TEXT,
    'train_dataloader': _DICT,
    'val_dataloader': _DICT,
    'test_dataloader': _DICT,
    'train_cfg': _DICT,
    'val_cfg': _DICT,
    'test_cfg': _DICT,
    'auto_scale_lr': _DICT,
    'optim_wrapper': _DICT,
    'param_scheduler': _DICTS,
    'val_evaluator': _DICTS,
    'test_evaluator': _DICTS,
    'default_hooks': _DICT,
    'custom_hooks': (list, tuple),
    'data_preprocessor': _DICT,
    'load_from': _TEXT,
    'resume': (bool,),
    'launcher': _TEXT,
    'env_cfg': _DICT,
    'log_processor': _DICT,
    'log_level': (str, int),
    'visualizer': _DICT,
    'default_scope': _TEXT,
    'randomness': _DICT,
    'experiment_name': _TEXT,
}
_NAMES = {
    str: 'text',
    dict: 'a dict',
    list: 'a list',
    int: 'a whole number',
    bool: 'True or False',
}
#: What the code of a config file can raise.
_CODE_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    RecursionError,
    TypeError,
    ValueError,
)


def find_config(name: str) -> Path:
    """Find a config of mmavs by its name.

    An installed package has its configs in ``mmavs/.mim``, as other OpenMMLab
    packages; a source tree has them in ``configs``.

    Args:
        name (str): File name without ``.py``.

    Returns:
        Path: The file.

    Raises:
        FileNotFoundError: If there is no such config; names similar ones.
    """
    package = Path(__file__).parent
    folders = (package / '.mim' / 'configs', package.parents[1] / 'configs')
    folder = next((f for f in folders if f.is_dir()), folders[0])
    files = {
        file.stem: file
        for file in sorted(folder.rglob('*.py'))
        if '_base_' not in file.relative_to(folder).parts
    }
    if name in files:
        return files[name]
    similar = difflib.get_close_matches(name, files, n=3)
    hint = f'; similar ones are {", ".join(similar)}' if similar else ''
    raise FileNotFoundError(
        f'{name}: expected a config file, or the name of one of the '
        f'{len(files)} configs in {folder}, found none{hint}.'
    )


def read_config(path: str | os.PathLike[str]) -> Config:
    """Read a config file.

    Args:
        path (str | os.PathLike[str]): The file, or the name of a config of
            mmavs without ``.py``, such as
            ``'aavs_swin-b_1xb1-60e_s4-384x384'``.

    Returns:
        Config: Its content, merged with that of its bases.

    Raises:
        FileNotFoundError: If the file, or one of its bases, is missing.
        ValueError: If it has another type, or its code raises an error.
    """
    path = Path(path)
    if path.name == str(path) and not path.suffix and not path.exists():
        path = find_config(path.name)
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f'{path}: expected a config file, whose name ends in '
            f'{", ".join(_SUFFIXES)}; give for example configs/aavs/NAME.py'
        )
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: expected a config file, found none; check the path.'
        )
    try:
        cfg = Config.fromfile(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{path}: a file that it needs is missing: '
            f'{error.filename or error}; check _base_ in it and in its bases.'
        ) from error
    except SyntaxError as error:
        # mmengine parses without the name of the file.
        raise ValueError(
            f'{path}, or a config in its _base_, line {error.lineno}: '
            f'{error.msg}; correct the file.'
        ) from error
    except _CODE_ERRORS as error:
        raise ValueError(
            f'{path}: running the config, or one in its _base_, raised '
            f'{type(error).__name__}: {error}; correct the file.'
        ) from error
    check_types(cfg)
    return cfg


def check_types(cfg: Config) -> None:
    """Check the types of the entries that mmengine's ``Runner`` reads.

    Args:
        cfg (Config): The config.

    Raises:
        ValueError: If an entry at the top level, or one of its
            ``default_hooks``, has a type that the runner cannot use.
    """
    entries = {name: (cfg.get(name), kinds) for name, kinds in _TYPES.items()}
    hooks = cfg.get('default_hooks')
    if isinstance(hooks, dict):
        for name, hook in hooks.items():
            entries[f'default_hooks.{name}'] = (hook, _DICT)
    for name, (value, kinds) in entries.items():
        if value is not None and not isinstance(value, kinds):
            wanted = ' or '.join(_NAMES[k] for k in kinds if k in _NAMES)
            raise ValueError(
                f'{cfg.filename}: expected {wanted} as {name}, got {value!r}; '
                'correct the config, or the option in --cfg-options.'
            )
    if cfg.get('log_level', 'INFO') is None:
        raise ValueError(
            f'{cfg.filename}: expected a log_level such as INFO, got None.'
        )


def check_entries(cfg: Config, *names: str) -> None:
    """Check that a config has what a tool needs.

    Args:
        cfg (Config): The config.
        *names (str): Settings that must be there and not be None.

    Raises:
        ValueError: If one is missing.
    """
    missing = [name for name in names if cfg.get(name) is None]
    if missing:
        raise ValueError(
            f'{cfg.filename}: expected a config with {", ".join(names)}, got '
            f'one without {", ".join(missing)}; give the config of a model '
            'and its data, not one of its bases.'
        )


def check_train_cfg(cfg: Config) -> None:
    """Check that the training loop has at least one step and interval.

    mmengine accepts such numbers and trains nothing, or divides by zero.

    Args:
        cfg (Config): With ``train_cfg``.

    Raises:
        ValueError: If a number of epochs or iterations is less than 1.
    """
    for name in ('max_epochs', 'max_iters', 'val_interval'):
        value = cfg.train_cfg.get(name)
        if isinstance(value, (int, float)) and value < 1:
            raise ValueError(
                f'train_cfg.{name}: expected at least 1, got {value}; with '
                'less, nothing is trained or validated. To train without '
                'validation, set val_cfg, val_dataloader and val_evaluator '
                'to None.'
            )


class OptionsAction(DictAction):
    """Reads ``KEY=VALUE ...`` and refuses words of another form."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Parse the words; see mmengine's ``DictAction``."""
        for word in values or ():
            if not word.partition('=')[0] or '=' not in word:
                parser.error(
                    f'{option_string or self.dest}: expected KEY=VALUE, got '
                    f'{word!r}'
                )
        try:
            super().__call__(parser, namespace, values, option_string)
        except (AssertionError, ValueError, SyntaxError) as error:
            parser.error(
                f'{option_string or self.dest}: cannot read {values}: '
                f'{error}; lists are KEY="[a,b]", without spaces'
            )


def check_option_types(cfg: Config, options: Mapping[str, Any]) -> None:
    """Check that no option replaces a value by one of an unusable type.

    A text would count as true where the config has True or False, so that
    ``shuffle=no`` would shuffle.

    Args:
        cfg (Config): The config before the options are merged.
        options (Mapping[str, Any]): Values by path, such as
            ``train_cfg.max_epochs``.

    Raises:
        ValueError: If a text replaces a number, a fraction a count, or
            anything but None a dict or a truth value.
    """
    for path, value in options.items():
        old = _find(cfg, path)
        name = path.rpartition('.')[2]
        wanted = None
        if isinstance(old, Mapping):
            if value is not None and not isinstance(value, Mapping):
                wanted = f'its entries ({path}.{next(iter(old), "NAME")}=...)'
        elif isinstance(old, bool):
            if value not in (None, True, False):
                wanted = f'True or False, as in the config ({old})'
        elif name in _COUNTS and isinstance(old, int):
            if not isinstance(value, (int, str)):
                wanted = f'a whole number, as in the config ({old})'
        if (
            isinstance(old, (int, float))
            and not isinstance(old, bool)
            and isinstance(value, str)
        ):
            wanted = f'a number, as in the config ({old}), got text'
        if wanted is not None:
            raise ValueError(
                f'--cfg-options {path}={value}: expected {wanted}.'
            )


def _find(cfg: Config, path: str) -> Any:
    """Give the value at a path; None if there is none."""
    place: Any = cfg._cfg_dict
    for part in path.split('.'):
        if isinstance(place, Mapping):
            place = place.get(part)
        elif isinstance(place, (list, tuple)) and part.isdecimal():
            place = place[int(part)] if int(part) < len(place) else None
        else:
            return None
    return place

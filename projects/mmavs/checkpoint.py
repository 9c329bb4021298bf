"""Safe loading: no checkpoint runs code, and none is fetched at run time.

Unpickling an arbitrary file runs what the file says. Every checkpoint that
mmengine opens for this project (resume, ``load_from``, ``init_cfg`` of type
``Pretrained``, the inferencers, published models) goes through its
``CheckpointLoader``; :func:`install_safe_loading` replaces the loaders there.
"""

from __future__ import annotations

import os
import os.path as osp
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader

#: Set to 1 to open checkpoints that hold more than weights and plain data.
TRUST_VARIABLE = 'MMAVS_TRUST_CHECKPOINTS'

_REMOTE_PREFIXES = (
    'http://',
    'https://',
    'pavi://',
    r'(\S+\:)?s3://',
    r'(\S+\:)?petrel://',
    'modelzoo://',
    'torchvision://',
    'open-mmlab://',
    'openmmlab://',
    'mmcls://',
)

# What torch raises on files that are cut off, damaged or no checkpoint.
_UNREADABLE = (
    RuntimeError,
    EOFError,
    OSError,
    pickle.UnpicklingError,
    struct.error,
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)


def _alias(
    function: Callable[..., Any], module: str, name: str
) -> Callable[..., Any]:
    """Wrap a function for the unpickler to find under another name."""

    def call(*args: Any) -> Any:
        return function(*args)

    call.__module__ = module
    call.__name__ = call.__qualname__ = name
    return call


def _history_method(owner: object, name: str) -> Callable[..., Any]:
    """Stand in for ``getattr``, which mmengine's log histories are built with.

    The real one would open the way to any code.
    """
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(
        f'GLOBAL getattr({owner!r}, {name!r}) is not allowed'
    )


def _numpy_globals() -> list[Callable[..., Any]]:
    """Collect what arrays and scalars written by numpy 1 or 2 need."""
    # The same two functions live in numpy.core (1.x) or numpy._core (2.x),
    # and a checkpoint of either numpy may meet the other.
    array = np.zeros(1)
    reconstruct: Any = array.__reduce__()[0]
    scalar: Any = array[0].__reduce__()[0]
    functions = [
        _alias(function, module, function.__name__)
        for function in (reconstruct, scalar)
        for module in ('numpy.core.multiarray', 'numpy._core.multiarray')
    ]
    dtypes = [type(np.dtype(code)) for code in '?bBhHiIlLqQefd']
    return [*functions, np.ndarray, np.dtype, *dtypes]


def _is_trusted() -> bool:
    return os.environ.get(TRUST_VARIABLE, '') == '1'


def _refuse(filename: str, error: Exception) -> ValueError:
    """Turn torch's error into one that says what to do."""
    unsafe = re.search(r'GLOBAL (.+?) (?:was|whose|is) ', str(error))
    if unsafe is None:
        cause = str(error).strip().splitlines() or [type(error).__name__]
        return ValueError(
            f'{filename!r} cannot be read as a checkpoint: {cause[-1]}. '
            'It is cut off, damaged, or no file of torch.save; copy or save '
            'it again.'
        )
    return ValueError(
        f'{filename!r} holds more than weights and plain data: it needs '
        f'{unsafe[1]!r}, and opening such a file can run any code. If you '
        f'trust where it comes from, set {TRUST_VARIABLE}=1 and try again.'
    )


def load_from_local(
    filename: str, map_location: str | torch.device | None = None
) -> Any:
    """Open a checkpoint on disk with ``weights_only=True``.

    Args:
        filename (str): Path; ``~`` is expanded.
        map_location (str | torch.device | None): As in ``torch.load``.

    Returns:
        Any: What ``torch.save`` was given, mostly a dict.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or needs a class that is not on the
            list of safe ones and ``MMAVS_TRUST_CHECKPOINTS`` is not 1.
    """
    path = osp.expanduser(filename)
    if not osp.isfile(path):
        raise FileNotFoundError(f'There is no checkpoint at {filename!r}.')
    if _is_trusted():
        print_log(
            f'{TRUST_VARIABLE}=1: opening {filename} without safety checks',
            logger='current',
        )
    with open(path, 'rb') as file:
        try:
            checkpoint = torch.load(
                file, map_location=map_location, weights_only=not _is_trusted()
            )
        except _UNREADABLE as error:
            raise _refuse(filename, error) from error
    if isinstance(checkpoint, dict) and isinstance(
        checkpoint.get('meta'), dict
    ):
        # mmengine's Runner.resume runs this text as a Python config. Runners
        # write `cfg`, so nothing of our own is lost.
        checkpoint['meta'].pop('config', None)
    return checkpoint


def final_checkpoint(folder: Path) -> Path:
    """Find the checkpoint that a finished training should be tested with.

    Args:
        folder (Path): Work dir of a training that has ended.

    Returns:
        Path: The checkpoint that was best on validation if the config keeps
        one (``CheckpointHook(save_best=...)``), else the last one.
    """
    text = (folder / 'last_checkpoint').read_text(encoding='utf-8')
    last = folder / Path(text.strip()).name
    hub = load_from_local(str(last), map_location='cpu')['message_hub']
    best = hub['runtime_info'].get('best_ckpt')
    return last if best is None else folder / Path(best).name


def load_from_remote(
    filename: str, map_location: str | torch.device | None = None
) -> Any:
    """Refuse an address: nothing is downloaded at run time.

    Args:
        filename (str): The address.
        map_location (str | torch.device | None): Unused, part of mmengine's
            signature.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        f'Checkpoint {filename!r} is an address, and mmavs downloads nothing '
        'at run time. Download it and give the path of the file.'
    )


def install_safe_loading() -> None:
    """Make mmengine open every checkpoint safely, in both families.

    Upstream mmengine leaves the choice to ``torch.load``; the maintained one
    falls back to unsafe loading by itself.
    """
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            _alias(_history_method, 'builtins', 'getattr'),
            *_numpy_globals(),
        ]
    )
    CheckpointLoader.register_scheme(
        prefixes='', loader=load_from_local, force=True
    )
    CheckpointLoader.register_scheme(
        prefixes=_REMOTE_PREFIXES, loader=load_from_remote, force=True
    )

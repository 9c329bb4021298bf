"""Safe loading: checkpoints run no code, and mmavs' tools download none.

Unpickling an arbitrary file may run any code. mmengine opens every checkpoint
of this project (resume, ``load_from``, ``init_cfg`` of type ``Pretrained``,
the inferencers, published models) with its ``CheckpointLoader``;
:func:`install_safe_loading` replaces the loaders of that class.
"""

from __future__ import annotations

import os
import os.path as osp
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader

from mmavs.pickle_names import read_pickle_names

#: Set to 1 to open checkpoints with more than weights and plain data.
TRUST_VARIABLE = 'MMAVS_TRUST_CHECKPOINTS'

#: Makes ``torch.load`` use ``weights_only=True``, whatever its arguments.
_FORCE_VARIABLE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'

#: mmengine's own loaders by prefix.
_MMENGINE_LOADERS = dict(CheckpointLoader._schemes)

_downloads_are_forbidden = ContextVar('downloads are forbidden', default=False)

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

# Errors of torch for files that are cut off, damaged or not a checkpoint.
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

#: torch's error for pickle protocols above 3, and for bytes that are none.
_UNKNOWN_OPERATION = 'Unsupported operand'


def _alias(
    function: Callable[..., Any], module: str, name: str
) -> Callable[..., Any]:
    """Wrap a function so that the unpickler finds it under another name."""

    def call(*args: Any) -> Any:
        return function(*args)

    call.__module__ = module
    call.__name__ = call.__qualname__ = name
    return call


def _history_method(owner: object, name: str) -> Callable[..., Any]:
    """Replace ``getattr``, which pickled log histories of mmengine need.

    Allowing the real ``getattr`` would allow any code.
    """
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(
        f'GLOBAL getattr({owner!r}, {name!r}) is not allowed'
    )


def _numpy_globals() -> list[Callable[..., Any]]:
    """List the globals of arrays and scalars written by numpy 1 or 2."""
    # The same two functions are in numpy.core (1.x) or numpy._core (2.x), and
    # a checkpoint of one version may be loaded with the other.
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
    """Convert torch's error to one that says what to do."""
    unsafe = re.search(r'GLOBAL (.+?) (?:was|whose|is) ', str(error))
    needed = unsafe[1] if unsafe else None
    # torch takes a text that begins with "c" for the name of a class.
    if needed is not None and not re.match(r'[\w.]+($|\()', needed):
        needed = None
    elif unsafe is None and _UNKNOWN_OPERATION in str(error):
        names = read_pickle_names(osp.expanduser(filename))
        if names is not None and names.foreign:
            needed = names.foreign[0]
        elif names is not None:
            return ValueError(
                f'{filename!r} was saved with pickle protocol '
                f'{names.protocol}, which cannot be opened safely. Save it '
                'again without pickle_protocol, or, if you trust its source, '
                f'set {TRUST_VARIABLE}=1 and try again.'
            )
    if needed is None:
        cause = str(error).strip().splitlines() or [type(error).__name__]
        return ValueError(
            f'{filename!r} cannot be read as a checkpoint: {cause[-1]}. '
            'It is cut off, damaged, or not a file of torch.save; copy or '
            'save it again.'
        )
    return ValueError(
        f'{filename!r} holds more than weights and plain data: it needs '
        f'{needed!r}, and opening such a file can run any code. If you '
        f'trust its source, set {TRUST_VARIABLE}=1 and try again.'
    )


def _find_damage(path: str) -> str | None:
    """Name a part of an archive with a wrong checksum; torch checks none."""
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()
    except (zipfile.BadZipFile, EOFError, zlib.error):
        return None  # torch says what is wrong


def load_from_local(
    filename: str, map_location: str | torch.device | None = None
) -> Any:
    """Open a checkpoint on disk with ``weights_only=True``.

    Args:
        filename (str): Path; ``~`` is expanded.
        map_location (str | torch.device | None): As in ``torch.load``.

    Returns:
        Any: The saved object, usually a dict.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or needs a class that is not known
            to be safe and ``MMAVS_TRUST_CHECKPOINTS`` is not 1.
    """
    path = osp.expanduser(filename)
    if not osp.isfile(path):
        raise FileNotFoundError(f'There is no checkpoint at {filename!r}.')
    if _is_trusted():
        print_log(
            f'{TRUST_VARIABLE}=1: opening {filename} without safety checks',
            logger='current',
        )
    elif (part := _find_damage(path)) is not None:
        raise _refuse(filename, ValueError(f'the checksum of {part} is wrong'))
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
        # mmengine's Runner.resume executes this text as a Python config.
        # mmengine's runners write `cfg` instead, so nothing is lost.
        checkpoint['meta'].pop('config', None)
    return checkpoint


def final_checkpoint(folder: Path) -> Path:
    """Find the checkpoint with which a finished training is to be tested.

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
    """Open the checkpoint at an address with ``weights_only=True``.

    Args:
        filename (str): The address.
        map_location (str | torch.device | None): As in ``torch.load``.

    Returns:
        Any: The result of mmengine's loader for this kind of address.

    Raises:
        ValueError: In the tools and inferencers of mmavs, which download
            nothing; see :func:`forbid_downloads`.
    """
    if _downloads_are_forbidden.get():
        raise ValueError(
            f'Checkpoint {filename!r} is an address, and mmavs downloads '
            'nothing at run time. Download it and give the path of the file.'
        )
    load = next(
        loader
        for prefix, loader in _MMENGINE_LOADERS.items()
        if prefix and re.match(prefix, filename)
    )
    if _is_trusted():
        return load(filename, map_location)
    # mmengine leaves the choice to torch.load, or falls back to unsafe
    # loading; this overrides both.
    before = os.environ.get(_FORCE_VARIABLE)
    os.environ[_FORCE_VARIABLE] = '1'
    try:
        return load(filename, map_location)
    finally:
        del os.environ[_FORCE_VARIABLE]
        if before is not None:
            os.environ[_FORCE_VARIABLE] = before


@contextmanager
def forbid_downloads() -> Iterator[None]:
    """Raise an error for checkpoints at addresses within the block.

    Yields:
        None
    """
    token = _downloads_are_forbidden.set(True)
    try:
        yield
    finally:
        _downloads_are_forbidden.reset(token)


def install_safe_loading() -> None:
    """Make mmengine open every checkpoint safely, in both families.

    This includes checkpoints that other code in the process downloads.

    Upstream mmengine uses the default of ``torch.load``; the maintained
    family falls back to unsafe loading.
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

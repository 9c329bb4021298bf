"""Support two OpenMMLab families, and mmcv without compiled ops.

mmcv without compiled ops (``mmcv-lite``, or ``onedl-mmcv`` installed in an
isolated build) has no ``mmcv._ext``, and ``import mmdet.models`` fails
although mmavs calls no mmcv op. A stand-in module replaces ``mmcv._ext``:
every op exists and raises an error when called. A full mmcv is not changed.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

_EXT_NAME = 'mmcv._ext'

#: Import name -> oldest version that works. Both families satisfy these.
_MIN_VERSIONS = {
    'mmengine': '0.10.7',
    'mmcv': '2.1.0',
    'mmseg': '1.2.2',
    'mmdet': '3.3.0',
}

#: Packages that upstream mmseg imports without declaring them.
_UNDECLARED = ('ftfy', 'regex')


def _version_tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r'\d+', version)[:3])


def _package_problem(name: str, min_version: str) -> str | None:
    """Return why a package cannot be used, or None if it can."""
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return f'{name}>={min_version} is not installed'
        return f'{name} cannot be imported: {error}'
    # mmseg and mmdet assert on the versions of mmcv and mmengine they accept
    except (ImportError, AssertionError) as error:
        return f'{name} cannot be imported: {error}'
    version = package.__version__
    if _version_tuple(version) < _version_tuple(min_version):
        return f'{name}>={min_version} is needed, {version} is installed'
    return None


def check_openmmlab() -> None:
    """Check that the OpenMMLab packages are installed and new enough.

    Raises:
        ImportError: If any is missing or too old. One message names all of
            them and the requirements file that installs them.
    """
    problems = [
        problem
        for name, min_version in _MIN_VERSIONS.items()
        if (problem := _package_problem(name, min_version)) is not None
    ]
    problems += [
        f'{name}, which mmseg imports, is not installed'
        for name in _UNDECLARED
        if importlib.util.find_spec(name) is None
    ]
    if problems:
        lines = '\n  - '.join(problems)
        raise ImportError(
            f'mmavs needs the OpenMMLab packages:\n  - {lines}\n'
            'Install one family, never a mixture: '
            '`pip install -r requirements/onedl.txt` (maintained, the '
            'default) or `pip install -r requirements/openmmlab.txt` '
            '(upstream).'
        )


def _missing_op(name: str) -> Callable[..., NoReturn]:
    def op(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(
            f'mmcv op {name!r} was called, but this mmcv has no compiled ops. '
            'mmavs itself needs none of them; for a model that does, install '
            'the full mmcv build (mmcv or onedl-mmcv compiled with its ops).'
        )

    op.__name__ = op.__qualname__ = name
    return op


class _MissingOps(ModuleType):
    """Stand-in for ``mmcv._ext``: any public attribute is an op."""

    @staticmethod
    def get_compiler_version() -> str:
        """Return 'n/a' to mmcv's environment report; this is not an op."""
        return 'n/a'

    @staticmethod
    def get_compiling_cuda_version() -> str:
        """Return 'n/a' to mmcv's environment report; this is not an op."""
        return 'n/a'

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        # Python and its tools probe modules for __path__, __file__ and the
        # like, and fail if they get an op instead.
        if name.startswith('__') and name.endswith('__'):
            raise AttributeError(
                f'module {self.__name__!r} has no attribute {name!r}'
            )
        return _missing_op(name)


def install_missing_ops() -> bool:
    """Install the stand-in as ``mmcv._ext`` if the real module is absent.

    A compiled extension that exists but fails to load is not replaced, so that
    its own error message is shown.

    Returns:
        bool: Whether the stand-in is installed.
    """
    present = sys.modules.get(_EXT_NAME)
    if present is None and importlib.util.find_spec(_EXT_NAME) is None:
        present = _MissingOps(_EXT_NAME, doc=_MissingOps.__doc__)
        # mmcv's environment report calls find_spec, which raises an error for
        # a module without a spec.
        present.__spec__ = ModuleSpec(_EXT_NAME, loader=None, origin=__file__)
        sys.modules[_EXT_NAME] = present
    return isinstance(present, _MissingOps)

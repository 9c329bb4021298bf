"""What makes two OpenMMLab families and a plain mmcv look the same.

mmcv without compiled ops (``mmcv-lite``, or ``onedl-mmcv`` installed in an
isolated build) has no ``mmcv._ext``, and ``import mmdet.models`` fails
although nothing here calls an mmcv op. A stand-in module takes that place:
each op exists and raises when called. With a full mmcv nothing is replaced.
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

#: Import name -> oldest version that works. Both families are above them.
_MIN_VERSIONS = {
    'mmengine': '0.10.7',
    'mmcv': '2.1.0',
    'mmseg': '1.2.2',
    'mmdet': '3.3.0',
}

#: What upstream mmseg imports and does not declare.
_UNDECLARED = ('ftfy', 'regex')


def _version_tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r'\d+', version)[:3])


def _package_problem(name: str, min_version: str) -> str | None:
    """Say why a package cannot be used, None when it can."""
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
    """Check that the OpenMMLab packages are there and new enough.

    Raises:
        ImportError: Once, naming every package that is missing or too old and
            the requirements file that installs them.
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
        """Answer mmcv's environment report, which is no op."""
        return 'n/a'

    @staticmethod
    def get_compiling_cuda_version() -> str:
        """Answer mmcv's environment report, which is no op."""
        return 'n/a'

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        # Python and its tools probe modules for __path__, __file__ and the
        # like; an op in their place would break them.
        if name.startswith('__') and name.endswith('__'):
            raise AttributeError(
                f'module {self.__name__!r} has no attribute {name!r}'
            )
        return _missing_op(name)


def install_missing_ops() -> bool:
    """Put the stand-in at ``mmcv._ext`` when the real one is absent.

    A compiled extension that is there but does not load is left alone: its own
    error says what is wrong with it.

    Returns:
        bool: Whether the stand-in is in place.
    """
    present = sys.modules.get(_EXT_NAME)
    if present is None and importlib.util.find_spec(_EXT_NAME) is None:
        present = _MissingOps(_EXT_NAME, doc=_MissingOps.__doc__)
        # mmcv's environment report calls find_spec, which refuses a module
        # without a spec.
        present.__spec__ = ModuleSpec(_EXT_NAME, loader=None, origin=__file__)
        sys.modules[_EXT_NAME] = present
    return isinstance(present, _MissingOps)

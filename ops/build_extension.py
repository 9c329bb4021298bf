"""Build the kernels of ``mmavs_ops`` for the root setup.py.

Without torch at build time, on a system without a supported compiler, or with
``MMAVS_BUILD_OPS=0``, mmavs is installed without compiled kernels, and a
message explains the consequences. ``FORCE_CUDA=1`` requires the CUDA kernels,
``FORCE_CUDA=0`` skips them. ``TORCH_CUDA_ARCH_LIST`` selects the GPUs, as for
torch.
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError

_ROOT = Path(__file__).parent.parent
_CSRC = Path('ops/csrc')
_STILL_WORKS = (
    'mmavs works without them: multi-scale deformable attention then runs '
    'through torch.nn.functional.grid_sample, with the same results and many '
    'times slower.'
)


def _say(text: str) -> None:
    print(f'mmavs_ops: {text}', file=sys.stderr)


def _reason_to_skip() -> str | None:
    """Return why the kernels are not compiled, or None to compile them."""
    if os.environ.get('MMAVS_BUILD_OPS', '1') == '0':
        return 'MMAVS_BUILD_OPS=0'
    if importlib.util.find_spec('torch') is None:
        return (
            'torch is not importable at build time; install torch first and '
            'use pip install --no-build-isolation'
        )
    if sys.platform == 'win32':
        return 'the kernels need GCC or Clang, not available on Windows'
    return None


def _with_cuda() -> bool:
    """Return whether to compile the CUDA kernels."""
    import torch
    from torch.utils.cpp_extension import CUDA_HOME

    forced = os.environ.get('FORCE_CUDA')
    if forced == '0':
        return False
    missing = []
    if torch.version.cuda is None:
        missing.append(f'torch {torch.__version__} is built without CUDA')
    if CUDA_HOME is None:
        missing.append('no CUDA toolkit was found (set CUDA_HOME)')
    if missing and forced == '1':
        raise SystemExit(
            f'mmavs_ops: FORCE_CUDA=1, but {" and ".join(missing)}.'
        )
    return not missing


def _compile_flags() -> dict[str, list[str]]:
    # These flags let the compiler vectorise comparisons and floor; the
    # kernels' results for NaN do not depend on them.
    flags = ['-O3', '-g0', '-fno-math-errno', '-fno-trapping-math']
    # GCC 12 warns of uninitialised values in its own intrinsics.
    flags += ['-Wno-psabi', '-Wno-maybe-uninitialized']
    if sys.platform != 'darwin':
        # Compile with OpenMP but do not link it: the symbols come from the
        # library that torch has loaded, so that there is one thread pool.
        flags.append('-fopenmp')
    return {
        'cxx': flags,
        'nvcc': ['-O3', '--expt-relaxed-constexpr', '-lineinfo'],
    }


def ext_modules() -> list[Extension]:
    """Return the extension to compile, or print why there is none.

    Returns:
        list[Extension]: ``mmavs_ops._C``, or an empty list.

    Raises:
        SystemExit: If ``FORCE_CUDA=1`` and CUDA kernels cannot be compiled.
    """
    reason = _reason_to_skip()
    if reason is not None:
        if os.environ.get('FORCE_CUDA') == '1':
            raise SystemExit(f'mmavs_ops: FORCE_CUDA=1, but {reason}.')
        _say(f'compiled kernels are left out: {reason}. {_STILL_WORKS}')
        return []
    from torch.utils.cpp_extension import CppExtension, CUDAExtension

    sources = [_CSRC / 'cpu/kernels.cpp', _CSRC / 'cpu/ms_deform_attn.cpp']
    kind = CppExtension
    if _with_cuda():
        sources.append(_CSRC / 'cuda/ms_deform_attn.cu')
        kind = CUDAExtension
    headers = sorted((_ROOT / _CSRC).rglob('*.h'))
    headers += sorted((_ROOT / _CSRC).rglob('*.inc'))
    return [
        kind(
            'mmavs_ops._C',
            [str(source) for source in sources],
            depends=[str(path.relative_to(_ROOT)) for path in headers],
            extra_compile_args=_compile_flags(),
        )
    ]


def build_ext_class() -> type[build_ext]:
    """Return the build command, which explains failures.

    Returns:
        type[build_ext]: Derived from torch's ``BuildExtension`` if the
        kernels are compiled.
    """
    if _reason_to_skip() is not None:
        return build_ext
    from torch.utils.cpp_extension import BuildExtension

    class ExplainedBuild(BuildExtension):
        """Compile; on failure, say how to install without the kernels."""

        def build_extensions(self) -> Any:
            """Compile the kernels.

            Raises:
                SystemExit: If the compiler fails.
            """
            try:
                super().build_extensions()
            except (BaseError, RuntimeError) as error:
                raise SystemExit(
                    f'mmavs_ops: compiling the kernels failed: {error}\n'
                    'Install with MMAVS_BUILD_OPS=0 to leave them out'
                    ' (FORCE_CUDA=0 leaves out those for CUDA only). '
                    + _STILL_WORKS
                ) from error

    return ExplainedBuild

"""AddressSanitizer finds no read or write out of bounds."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from torch.utils.cpp_extension import include_paths

_ROOT = Path(__file__).parents[2]
_ISAS = ['baseline']
if platform.machine() == 'x86_64':
    _ISAS += ['avx2', 'avx512']


@pytest.fixture(scope='module')
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernels and their driver, built with AddressSanitizer."""
    compiler = shutil.which('g++') or shutil.which('clang++')
    if compiler is None:
        pytest.skip('needs a C++ compiler')
    target = tmp_path_factory.mktemp('asan') / 'kernels'
    subprocess.run(
        [
            compiler,
            *('-std=c++20', '-O1', '-g', '-Wno-psabi', '-w'),
            *('-fsanitize=address', '-fno-omit-frame-pointer'),
            *[f'-I{path}' for path in include_paths()],
            f'-I{_ROOT / "ops/csrc/cpu"}',
            str(_ROOT / 'ops/csrc/cpu/kernels.cpp'),
            str(Path(__file__).parent / 'kernels_under_asan.cpp'),
            *('-o', str(target)),
        ],
        check=True,
    )
    return target


@pytest.mark.slow
@pytest.mark.parametrize('isa', _ISAS)
def test_hostile_positions_stay_in_bounds(program: Path, isa: str) -> None:
    """NaN, inf, borders and far outside; buffers of exact size."""
    run = subprocess.run(
        [str(program)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'MMAVS_OPS_ISA': isa},
    )
    assert run.returncode == 0, run.stderr
    # 6 widths, 3 numbers of queries, 6 pairs of dtypes
    assert int(run.stdout.split()[1]) == 108

"""The package works with both OpenMMLab families, without compiled mmcv."""

import importlib
import importlib.util
import subprocess
import sys
import types

import mmcv
import pytest
from mmavs import compat
from support.new_process import quick_environment


@pytest.fixture
def _without_ext(monkeypatch):
    """Neither the real mmcv._ext nor the stand-in, for one test."""
    monkeypatch.delitem(sys.modules, 'mmcv._ext', raising=False)
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name, package=None: None
    )


@pytest.mark.slow
def test_mmdet_models_import_in_a_fresh_process():
    """Without the stand-in for mmcv's operators it would fail."""
    code = 'import mmavs, mmdet.models, mmcv.ops; print(mmavs.__version__)'
    done = subprocess.run(
        [sys.executable, '-c', code],
        env=quick_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['0.1.0']


@pytest.mark.usefixtures('_without_ext')
def test_any_op_exists_and_raises_its_name_when_called(monkeypatch):
    assert compat.install_missing_ops()
    ext = importlib.import_module('mmcv._ext')
    assert hasattr(ext, 'an_op_of_some_later_version')
    with pytest.raises(
        NotImplementedError, match="'nms_rotated'.* the full mmcv build"
    ):
        ext.nms_rotated(1, threshold=2)


@pytest.mark.usefixtures('_without_ext')
def test_stand_in_looks_like_a_module(monkeypatch):
    """Tools that inspect modules get module attributes, not operators."""
    assert compat.install_missing_ops()
    ext = sys.modules['mmcv._ext']
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, 'mmcv._ext', ext)
    assert importlib.util.find_spec('mmcv._ext').name == 'mmcv._ext'
    assert not hasattr(ext, '__path__')
    assert not hasattr(ext, '__wrapped__')
    assert ext.get_compiler_version() == 'n/a'


def test_a_real_extension_is_left_alone(monkeypatch):
    real = types.ModuleType('mmcv._ext')
    monkeypatch.setitem(sys.modules, 'mmcv._ext', real)
    assert not compat.install_missing_ops()
    assert sys.modules['mmcv._ext'] is real


def test_an_extension_on_disk_is_left_alone(monkeypatch):
    """Also if it fails to load: its own error says more."""
    monkeypatch.delitem(sys.modules, 'mmcv._ext', raising=False)
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name, package=None: object()
    )
    assert not compat.install_missing_ops()
    assert 'mmcv._ext' not in sys.modules


def test_one_error_names_all_that_is_missing_or_too_old(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmdet', None)
    monkeypatch.setattr(mmcv, '__version__', '2.0.1')
    with pytest.raises(
        ImportError,
        match=r'(?s)mmcv>=2\.1\.0 is needed, 2\.0\.1 is installed'
        r'.*mmdet.*requirements/onedl\.txt',
    ):
        compat.check_openmmlab()


def test_installed_packages_pass_the_check():
    compat.check_openmmlab()


def test_package_that_refuses_its_neighbours_is_reported(
    monkeypatch, tmp_path
):
    """mmseg and mmdet assert on the version of mmcv they find."""
    (tmp_path / 'mmpicky.py').write_text("assert False, 'MMCV==9 is used'")
    monkeypatch.syspath_prepend(str(tmp_path))
    problem = compat._package_problem('mmpicky', '1.0')
    assert problem == 'mmpicky cannot be imported: MMCV==9 is used'


@pytest.mark.parametrize(
    ('version', 'numbers'),
    [('2.1.0', (2, 1, 0)), ('2.1.0rc4', (2, 1, 0)), ('0.10', (0, 10))],
)
def test_version_numbers(version, numbers):
    assert compat._version_tuple(version) == numbers

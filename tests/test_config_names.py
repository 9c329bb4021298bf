"""Configs by name, from the source tree and from an installed package."""

import subprocess
import sys
from pathlib import Path

import pytest
from mmavs.config_file import find_config, read_config
from support.new_process import quick_environment

ROOT = Path(__file__).parents[1]
NAME = 'aavs_swin-b_1xb1-60e_s4-384x384'


def test_name_in_the_source_tree():
    assert find_config(NAME) == ROOT / 'configs' / 'aavs' / f'{NAME}.py'
    assert read_config(NAME).model.type == 'AAVS'


def test_names_are_unique():
    names = [
        path.stem
        for path in (ROOT / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    ]
    assert len(names) > 20
    assert len(set(names)) == len(names)


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    """A file without an ending is no config, and is not looked up."""
    (tmp_path / NAME).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match='whose name ends in'):
        read_config(NAME)


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('aavs_swin-b_s4', f'similar ones are .*{NAME}'),
        ('x' * 30, 'found none.$'),
    ],
)
def test_other_names(name, text):
    with pytest.raises(FileNotFoundError, match=text):
        read_config(name)


@pytest.mark.slow
def test_name_in_a_built_package(tmp_path):
    """Outside of the source tree, and with nothing of it on the path."""
    build = [sys.executable, 'setup.py', '--quiet', 'build_py']
    subprocess.run(
        [*build, '--build-lib', tmp_path / 'lib'],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (tmp_path / 'empty').mkdir()
    code = (
        'from mmavs.apis import AVSInferencer;'
        'from mmavs.config_file import find_config, read_config;'
        f'print(find_config({NAME!r}), read_config({NAME!r}).model.type)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=tmp_path / 'empty',
        env=quick_environment([tmp_path / 'lib']),
        check=True,
        capture_output=True,
        text=True,
    )
    folder = tmp_path / 'lib' / 'mmavs' / '.mim'
    path, kind = done.stdout.split()[-2:]
    assert Path(path) == folder / 'configs' / 'aavs' / f'{NAME}.py'
    assert kind == 'AAVS'
    assert (folder / 'model-index.yml').is_file()
    assert not list(folder.rglob('__pycache__'))

"""Imports run one way, as docs/architecture.md draws them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'projects' / 'mmavs'

#: Room -> rooms of mmavs that it must not import.
CLOSED_DOORS = {
    'structures': (
        'models',
        'datasets',
        'evaluation',
        'engine',
        'apis',
        'video',
    ),
    'datasets': (
        'models',
        'evaluation',
        'engine',
        'visualization',
        'apis',
        'video',
    ),
    'evaluation': ('models', 'engine', 'visualization', 'apis'),
    'models': ('datasets', 'evaluation', 'engine', 'visualization', 'apis'),
    'models/layers': (
        'models/aavs',
        'models/segmentor',
        'models/stepping_stones',
    ),
    'models/audio_backbones': ('models/aavs', 'models/segmentor'),
    # Any head may take a prior, so the prior knows no head.
    'models/stepping_stones': (
        'models/aavs',
        'models/audio_backbones',
        'models/segmentor',
    ),
    # The registry builds the models whose shapes are compared.
    'converters': (
        'models',
        'datasets',
        'evaluation',
        'visualization',
        'apis',
        'video',
    ),
    'engine': ('apis', 'converters'),
    'visualization': ('engine', 'apis', 'video'),
    'video': (
        'models',
        'evaluation',
        'engine',
        'visualization',
        'apis',
    ),
}

#: Folders of models that any system may use; every other one is a system.
SHARED = {'audio_backbones', 'layers', 'stepping_stones', 'visual_backbones'}
SYSTEMS = sorted(
    path.parent.name
    for path in (PACKAGE / 'models').glob('*/__init__.py')
    if path.parent.name not in SHARED
)


def _imports(path: Path, root: Path) -> set[str]:
    """Dotted names that a file imports; relative ones made absolute."""
    package = path.relative_to(root).parent.parts
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            prefix = '.'.join(base) if node.level else ''
            module = '.'.join(filter(None, (prefix, node.module)))
            names.add(module)
            names.update(f'{module}.{alias.name}' for alias in node.names)
    return names


def _files(folder: Path) -> list[Path]:
    files = [folder.with_suffix('.py')] if not folder.is_dir() else []
    files += sorted(folder.rglob('*.py'))
    assert files, f'no Python file in {folder}'
    return files


@pytest.mark.parametrize('room', CLOSED_DOORS)
def test_closed_doors(room):
    for path in _files(PACKAGE / room):
        imported = _imports(path, PACKAGE.parent)
        for other in CLOSED_DOORS[room]:
            name = f'mmavs.{other.replace("/", ".")}'
            wrong = [i for i in imported if f'{i}.'.startswith(f'{name}.')]
            assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'


def test_there_are_systems():
    assert 'aavs' in SYSTEMS


@pytest.mark.parametrize('system', SYSTEMS)
def test_systems_meet_in_configs_alone(system):
    for path in _files(PACKAGE / 'models' / system):
        imported = _imports(path, PACKAGE.parent)
        for other in set(SYSTEMS) - {system}:
            name = f'mmavs.models.{other}.'
            wrong = [i for i in imported if f'{i}.'.startswith(name)]
            assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'


def test_ops_know_nothing_of_mmavs():
    for path in _files(ROOT / 'ops' / 'mmavs_ops'):
        imported = _imports(path, ROOT / 'ops')
        assert not [i for i in imported if f'{i}.'.startswith('mmavs.')], path


def test_mmavs_imports_its_operator_in_one_file():
    users = [
        path.relative_to(PACKAGE).as_posix()
        for path in _files(PACKAGE)
        if any(i.startswith('mmavs_ops') for i in _imports(path, PACKAGE))
    ]
    assert users == ['models/layers/deformable_attention.py']


def test_only_the_default_runtime_names_the_plugin():
    """A config that repeats custom_imports would hide a missing base."""
    configs = sorted((ROOT / 'configs').rglob('*.py'))
    assert configs
    users = [p.name for p in configs if 'custom_imports' in p.read_text()]
    assert users == ['default_runtime.py']

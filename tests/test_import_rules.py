"""Imports run one way, as docs/architecture.md describes."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'projects' / 'mmavs'

#: Folder of mmavs -> the other folders that it may import. All of them may
#: import the modules beside the folders, such as structures.py.
MAY_IMPORT = {
    'datasets': (),
    'models': (),
    # The registry builds the models whose shapes are compared.
    'converters': ('engine',),
    'visualization': (),
    'testing': (),
    'evaluation': ('datasets',),
    'video': ('datasets',),
    'validation': ('datasets',),
    'preparation': ('datasets', 'video'),
    'engine': ('datasets', 'models', 'evaluation', 'visualization'),
    'apis': (
        'datasets',
        'models',
        'evaluation',
        'visualization',
        'engine',
        'video',
    ),
    'web': ('apis', 'datasets', 'video'),
}
#: Folder of models -> other folders and modules of models that it must not
#: import. Any head may take a prior, so the prior knows no head.
MUST_NOT_IMPORT = {
    'layers': ('aavs', 'segmentor', 'stepping_stones'),
    'audio_backbones': ('aavs', 'segmentor'),
    'stepping_stones': ('aavs', 'audio_backbones', 'segmentor'),
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


def _wrong_imports(path: Path, root: Path, *names: str) -> list[str]:
    """Imports of a file that lie in one of the named packages."""
    return [
        imported
        for imported in _imports(path, root)
        if any(f'{imported}.'.startswith(f'{name}.') for name in names)
    ]


def test_every_folder_has_a_rule():
    folders = {path.parent.name for path in PACKAGE.glob('*/__init__.py')}
    assert folders == set(MAY_IMPORT)


@pytest.mark.parametrize('folder', MAY_IMPORT)
def test_folders_import_one_way(folder):
    others = set(MAY_IMPORT) - {folder, *MAY_IMPORT[folder]}
    for path in _files(PACKAGE / folder):
        names = [f'mmavs.{other}' for other in others]
        wrong = _wrong_imports(path, PACKAGE.parent, *names)
        assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'


@pytest.mark.parametrize('folder', MUST_NOT_IMPORT)
def test_shared_models_know_no_system(folder):
    for path in _files(PACKAGE / 'models' / folder):
        names = [f'mmavs.models.{other}' for other in MUST_NOT_IMPORT[folder]]
        wrong = _wrong_imports(path, PACKAGE.parent, *names)
        assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'


def _module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def _import_graph(files: dict[str, Path]) -> dict[str, set[str]]:
    """Module -> modules that it imports, among ``files``.

    Python imports the packages around a module before the module itself, so
    these do not count.
    """
    graph = {}
    for name, path in files.items():
        imported = _imports(path, PACKAGE.parent) & set(files)
        graph[name] = {i for i in imported if not f'{name}.'.startswith(i)}
    return graph


def test_there_is_no_import_cycle():
    files = {_module_name(path): path for path in _files(PACKAGE)}
    graph = _import_graph(files)
    assert 'mmavs.structures' in graph['mmavs.models.segmentor']
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(' imports '.join(reversed(error.args[1])))


def test_a_cycle_would_be_found():
    with pytest.raises(CycleError):
        TopologicalSorter({'a': {'b'}, 'b': {'c'}, 'c': {'a'}}).prepare()


@pytest.mark.parametrize(
    ('folder', 'forbidden'),
    [
        ('projects', ('tests', 'support', 'tools', 'benchmarks')),
        ('ops', ('tests', 'support', 'tools', 'benchmarks', 'mmavs')),
        ('tools', ('tests', 'support', 'benchmarks')),
        ('benchmarks', ('tests', 'support')),
        ('docs', ('tests', 'support', 'tools', 'benchmarks')),
    ],
)
def test_nothing_imports_tests_or_scripts(folder, forbidden):
    for path in _files(ROOT / folder):
        wrong = _wrong_imports(path, ROOT / folder, *forbidden)
        assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'


def test_there_are_systems():
    assert 'aavs' in SYSTEMS


@pytest.mark.parametrize('system', SYSTEMS)
def test_systems_meet_in_configs_alone(system):
    names = [f'mmavs.models.{other}' for other in set(SYSTEMS) - {system}]
    for path in _files(PACKAGE / 'models' / system):
        wrong = _wrong_imports(path, PACKAGE.parent, *names)
        assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'


def test_mmavs_imports_its_operator_in_one_file():
    users = [
        path.relative_to(PACKAGE).as_posix()
        for path in _files(PACKAGE)
        if any(i.startswith('mmavs_ops') for i in _imports(path, PACKAGE))
    ]
    assert users == ['models/layers/deformable_attention.py']


def test_only_the_default_runtime_names_the_plugin():
    """Repeating custom_imports in a config would hide a missing base."""
    configs = sorted((ROOT / 'configs').rglob('*.py'))
    assert configs
    users = [p.name for p in configs if 'custom_imports' in p.read_text()]
    assert users == ['default_runtime.py']

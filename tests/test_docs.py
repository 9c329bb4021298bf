"""Files, commands and links in README and docs are valid."""

import contextlib
import io
import re
import runpy
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md']
#: Written by `make docs`.
GENERATED = {'model_zoo.md'}
PAGES += sorted(
    page for page in (ROOT / 'docs').glob('*.md') if page.name not in GENERATED
)
#: A tool and its arguments, continued over lines that end in a backslash.
COMMAND = re.compile(
    r'(?:python|bash) (tools/[\w/.]+|-m benchmarks\.\w+)'
    r'((?:\\\n|[^\n`|)])*)',
    re.MULTILINE,
)


def _commands() -> list[tuple[str, str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding='utf-8')
        for tool, rest in COMMAND.findall(text):
            # `-m benchmarks.tpavi` is a file, too.
            name, module = tool, tool.removeprefix('-m ')
            if module != tool:
                name = f'{module.replace(".", "/")}.py'
            found.append((page.name, name, rest))
    return found


COMMANDS = _commands()


@cache
def _help(tool: str) -> str:
    """Run a tool with --help in this process, where all is imported."""
    printed = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(printed),
    ):
        patch.setattr(sys, 'argv', [tool, '--help'])
        # Python puts the script's folder first.
        patch.setattr(sys, 'path', [str((ROOT / tool).parent), *sys.path])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / tool), run_name='__main__')
    assert end.value.code == 0
    return printed.getvalue()


def test_there_are_commands():
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize(('page', 'tool', 'rest'), COMMANDS)
def test_command_can_be_typed(page, tool, rest):
    assert (ROOT / tool).is_file(), f'{page} names {tool}'
    for config in re.findall(r'configs/[\w/.-]+\.py', rest):
        assert (ROOT / config).is_file(), f'{page} names {config}'
    options = re.findall(r'(?<=\s)--[a-z-]+', rest)
    if options and tool.endswith('.py'):
        for option in options:
            assert option in _help(tool), f'{page}: {tool} has no {option}'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding='utf-8')
    links = re.findall(r'\]\((?!https?:)([^)#]+)', text)
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def _anchors(page: Path) -> set[str]:
    """Names that GitHub and MyST give to the headings of a page."""
    text = re.sub(r'```.*?```', '', page.read_text('utf-8'), flags=re.DOTALL)
    headings = re.findall(r'^#+ (.*)$', text, re.MULTILINE)
    return {
        re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-')
        for heading in headings
    }


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_anchors_lead_to_headings(page):
    text = page.read_text(encoding='utf-8')
    links = re.findall(r'\]\(([\w./-]*)#([\w-]+)\)', text)
    missing = [
        f'{path}#{anchor}'
        for path, anchor in links
        if anchor not in _anchors(page.parent / path if path else page)
    ]
    assert not missing


def test_configs_name_commands_that_exist():
    texts = [p.read_text() for p in (ROOT / 'configs').rglob('*.py')]
    tools = {
        t for text in texts for t in re.findall(r'tools/[\w/]+\.py', text)
    }
    assert tools
    assert not [tool for tool in tools if not (ROOT / tool).is_file()]


def test_model_index_names_configs_that_exist():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text('utf-8'))
    metafiles = [ROOT / path for path in index['Import']]
    assert metafiles
    for metafile in metafiles:
        models = yaml.safe_load(metafile.read_text('utf-8'))['Models']
        assert models
        for model in models:
            assert (ROOT / model['Config']).stem == model['Name']
            assert (ROOT / model['Config']).is_file()


@pytest.mark.parametrize(
    'target', ['demo', 'check', 'test', 'lint', 'docs', 'install']
)
def test_make_targets_exist(target):
    """Each target starts with the installation."""
    text = (ROOT / 'Makefile').read_text(encoding='utf-8')
    rule = rf'^{target}: (install|\$\((DOCS_)?INSTALLED\))$'
    assert re.search(rule, text, re.MULTILINE)


def test_every_page_is_in_the_table_of_contents():
    index = (ROOT / 'docs/index.md').read_text(encoding='utf-8')
    blocks = re.findall(r'```\{toctree\}\n(.*?)```', index, re.DOTALL)
    listed = [
        line
        for block in blocks
        for line in block.splitlines()
        if line and not line.startswith(':')
    ]
    pages = {page.stem for page in (ROOT / 'docs').glob('*.md')}
    # The pages of the API and of the model zoo are generated.
    assert sorted(listed) == sorted(pages - {'index'} | {'api', 'model_zoo'})


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_lines_are_short(page):
    """At most 120 columns outside of code and tables."""
    text = page.read_text(encoding='utf-8')
    prose = re.sub(r'```.*?```', '', text, flags=re.DOTALL)
    long = [
        line
        for line in prose.splitlines()
        if len(line) > 120 and not line.startswith(('|', '    '))
    ]
    assert not long

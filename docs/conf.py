"""Sphinx configuration of the documentation; built by ``make docs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mmavs
import yaml
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]

project = 'mmavs'
author = 'The mmavs authors'
release = version = mmavs.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.autosummary',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
]
templates_path = ['_templates']
html_theme = 'furo'
html_title = f'mmavs {release}'

# Links such as `page.md#heading` work on GitHub and here.
myst_heading_anchors = 3

autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # the docstrings give the types
# As `Attributes:` of a NamedTuple would document its fields a second time.
napoleon_use_ivar = True


def skip_tuple_field(
    app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out fields of NamedTuples, which the class documents."""
    return True if type(obj).__name__ == '_tuplegetter' else None


def write_model_zoo(app: Sphinx) -> None:
    """Write ``model_zoo.md`` from the metafiles that model-index.yml lists."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text('utf-8'))
    lines = [
        '# Model zoo',
        '',
        'Every config that reproduces a published model, as listed in the',
        '`metafile.yml` of its folder. No weights are published, because none',
        'of these models has been trained on AVSBench yet.',
    ]
    for path in index['Import']:
        metafile = yaml.safe_load((ROOT / path).read_text('utf-8'))
        lines += _collection_lines(metafile)
    text = '\n'.join(lines) + '\n'
    target = Path(app.srcdir, 'model_zoo.md')
    # An unchanged page keeps its date, so it is not built again.
    if not target.is_file() or target.read_text('utf-8') != text:
        target.write_text(text, encoding='utf-8')


def _collection_lines(metafile: dict) -> list[str]:
    """Make the section of one collection."""
    lines = []
    for collection in metafile['Collections']:
        paper = collection['Paper']
        lines += ['', f'## {collection["Name"]}', '']
        lines += [f'[{paper["Title"]}]({paper["URL"]})', '']
        lines += ['| Model | Results | Config |', '|---|---|---|']
        for model in metafile['Models']:
            if model['In Collection'] == collection['Name']:
                results = ', '.join(
                    map(_result_text, model.get('Results', []))
                )
                lines.append(
                    f'| {model["Name"]} | {results or "none yet"} | '
                    f'`{model["Config"]}` |'
                )
    return lines


def _result_text(result: dict) -> str:
    """Describe an entry of ``Results``."""
    metrics = ', '.join(f'{k} {v}' for k, v in result['Metrics'].items())
    return f'{result["Dataset"]}: {metrics}'


def setup(app: Sphinx) -> None:
    """Connect the functions above to Sphinx's events."""
    app.connect('builder-inited', write_model_zoo)
    app.connect('autodoc-skip-member', skip_tuple_field)

"""Sphinx configuration of the documentation; built by ``make docs``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import mmavs
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
    """Write ``model_zoo.md`` from config headers and result files."""
    target = Path(app.srcdir, 'model_zoo.md')
    command = [sys.executable, '-m', 'benchmarks.write_tables', '--zoo']
    subprocess.run([*command, str(target)], cwd=ROOT, check=True)


def setup(app: Sphinx) -> None:
    """Connect the functions above to Sphinx's events."""
    app.connect('builder-inited', write_model_zoo)
    app.connect('autodoc-skip-member', skip_tuple_field)

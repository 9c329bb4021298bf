"""Import the published TPAVI; this project contains none of its code.

What it imports beside torch is replaced: torchvision, which it takes for a
download, and of timm three small functions.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from torch import nn

from . import published_code

FOLDER = 'AVSBench/avs_scripts'
_FOLDERS = {'s4': 'avs_s4', 'ms3': 'avs_ms3', 'avss': 'avss'}
# Imported from the folder of a task; all tasks use these names.
_OWN_MODULES = ('model', 'loss')
_STAGES = (0, 1, 2, 3)
_NUM_AVSS_CLASSES = 71


def why_not() -> str | None:
    """Return why the published network cannot be run, or None."""
    return published_code.why_not(FOLDER)


@contextlib.contextmanager
def importable(task: str) -> Iterator[Path]:
    """Let the modules of a task's folder be imported, and forget them.

    Args:
        task (str): ``'s4'``, ``'ms3'`` or ``'avss'``.

    Yields:
        Path: The folder.
    """
    assert published_code.REFERENCE_ROOT is not None, why_not()
    scripts = Path(published_code.REFERENCE_ROOT, FOLDER)
    folder = scripts / _FOLDERS[task]
    stubs = published_code.timm_stubs() | _torchvision_stubs()
    with published_code.importable(folder, _OWN_MODULES, stubs):
        if task == 'avss':
            # Its pvt.py was never committed; that of S4 is the same.
            importlib.import_module('model')
            path = scripts / 'avs_s4/model/pvt.py'
            spec = importlib.util.spec_from_file_location('model.pvt', path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules['model.pvt'] = module
            spec.loader.exec_module(module)
        yield folder


def import_network(backbone: str, task: str) -> SimpleNamespace:
    """Import the published network and its loss.

    Args:
        backbone (str): ``'r50'`` or ``'pvtv2-b5'``.
        task (str): See :func:`importable`.

    Returns:
        SimpleNamespace: ``model``, ``loss`` and ``tpavi``, three modules.
    """
    name = 'ResNet' if backbone == 'r50' else 'PVT'
    with importable(task) as folder:
        published = SimpleNamespace(
            model=importlib.import_module(f'model.{name}_AVSModel'),
            loss=importlib.import_module('loss'),
            tpavi=importlib.import_module('model.TPAVI'),
        )
    assert Path(str(published.model.__file__)).is_relative_to(folder)
    return published


def build_network(
    published: SimpleNamespace, task: str, **options: Any
) -> nn.Module:
    """Build the published network without its ImageNet weights.

    Args:
        published (SimpleNamespace): From :func:`import_network`.
        task (str): The same.
        **options (Any): Arguments of the published class.

    Returns:
        nn.Module: In evaluation mode, with random weights; call it within
        :func:`~mmavs.testing.on_the_cpu`.
    """
    network = published.model.Pred_endecoder
    reader = (
        'initialize_weights'
        if hasattr(network, 'initialize_weights')
        else 'initialize_pvt_weights'
    )
    options = (
        dict(tpavi_stages=[*_STAGES], tpavi_va_flag=True, tpavi_vv_flag=False)
        | options
    )
    classes = _NUM_AVSS_CLASSES if task == 'avss' else 1
    with (
        mock.patch.object(network, reader),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        built = network(config=SimpleNamespace(NUM_CLASSES=classes), **options)
    return built.eval()


def _torchvision_stubs() -> dict[str, ModuleType]:
    vision = ModuleType('torchvision')
    models = ModuleType('torchvision.models')
    vars(vision).update(models=models)
    return {'torchvision': vision, 'torchvision.models': models}

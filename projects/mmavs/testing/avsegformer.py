"""Import the published AVSegFormer; this project contains none of its code.

Two of its dependencies are replaced: its compiled attention, so that its own
fallback in plain PyTorch runs; and timm, from which its PVT takes three small
functions and stochastic depth.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

from mmengine.config import Config
from torch import nn

from . import published_code

FOLDER = 'AVSegFormer'
_OWN_MODULES = ('model', 'ops', 'loss')
_CONFIG_NAMES = {'r50': 'res50', 'pvtv2-b5': 'pvt2'}


def why_not() -> str | None:
    """Return why the published network cannot be run, or None."""
    return published_code.why_not(f'{FOLDER}/model')


def checkout() -> Path:
    """Return the folder of the published code."""
    assert published_code.REFERENCE_ROOT is not None, why_not()
    return Path(published_code.REFERENCE_ROOT, FOLDER)


def import_module(folder: Path, name: str) -> ModuleType:
    """Import a published module.

    Args:
        folder (Path): Folder that contains it.
        name (str): Dotted name.

    Returns:
        ModuleType: The module.
    """
    stubs = published_code.timm_stubs() | {
        'MultiScaleDeformableAttention': ModuleType('no_extension'),
        'torchvision': mock.MagicMock(),
        'torchvision.models': mock.MagicMock(),
    }
    with published_code.importable(folder, _OWN_MODULES, stubs):
        module = importlib.import_module(name)
    assert Path(str(module.__file__)).is_relative_to(folder)
    return module


def import_network() -> SimpleNamespace:
    """Import the published network.

    Returns:
        SimpleNamespace: ``model`` (with ``build_model``) and ``pvt``.
    """
    return SimpleNamespace(
        model=import_module(checkout(), 'model'),
        pvt=import_module(checkout(), 'model.backbone.pvt'),
    )


def build_network(model: ModuleType, backbone: str, task: str) -> nn.Module:
    """Build the published network from its own config.

    Args:
        model (ModuleType): From :func:`import_network`.
        backbone (str): 'r50' or 'pvtv2-b5'.
        task (str): 's4', 'ms3' or 'avss'.

    Returns:
        nn.Module: With random weights; no pretrained weights are loaded.
    """
    name = f'AVSegFormer_{_CONFIG_NAMES[backbone]}_{task}.py'
    cfg = Config.fromfile(checkout() / 'config' / task / name).model.to_dict()
    cfg['backbone']['init_weights_path'] = None
    cfg['vggish']['freeze_audio_extractor'] = False
    return model.build_model(**cfg)

"""Import the published AVSegFormer; nothing of it is kept here.

Set MMAVS_REFERENCE_ROOT to a folder with AVSegFormer at 7083cb6. What it
imports beside torch is replaced: its compiled attention, which is absent, so
that its own fallback in plain PyTorch runs; and timm, of which its PVT takes
three small functions and the stochastic depth.
"""

import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

from torch import nn

_OWN_MODULES = ('model', 'ops', 'loss')


def why_not() -> str | None:
    """Say what is missing for the reference, or None.

    Returns:
        str | None: A reason to skip.
    """
    root = os.environ.get('MMAVS_REFERENCE_ROOT')
    if root is None:
        return 'MMAVS_REFERENCE_ROOT is not set'
    if not (Path(root) / 'AVSegFormer' / 'model').is_dir():
        return f'no AVSegFormer/model in MMAVS_REFERENCE_ROOT={root}'
    return None


class SteadyPath(nn.Module):
    """timm's ``DropPath`` outside of training, which remembers its rate."""

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x):
        assert not self.training
        return x


def _stubs() -> dict[str, ModuleType]:
    layers = ModuleType('timm.models.layers')
    layers.DropPath = SteadyPath
    layers.to_2tuple = lambda x: x if isinstance(x, tuple) else (x, x)
    layers.trunc_normal_ = nn.init.trunc_normal_
    registry = ModuleType('timm.models.registry')
    registry.register_model = lambda function: function
    transformer = ModuleType('timm.models.vision_transformer')
    transformer._cfg = dict
    modules = (layers, registry, transformer)
    return {
        'timm': ModuleType('timm'),
        'timm.models': ModuleType('timm.models'),
        **{module.__name__: module for module in modules},
        'MultiScaleDeformableAttention': ModuleType('no_extension'),
        'torchvision': mock.MagicMock(),
        'torchvision.models': mock.MagicMock(),
    }


@contextmanager
def _importable(folder: Path):
    """Let modules of a folder be imported, and forget them afterwards."""
    dont_write_bytecode = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    with mock.patch.dict(sys.modules, _stubs()):
        for name in list(sys.modules):
            if name.split('.')[0] in _OWN_MODULES:
                del sys.modules[name]
        try:
            yield
        finally:
            sys.path.remove(str(folder))
            sys.dont_write_bytecode = dont_write_bytecode


def import_reference() -> SimpleNamespace:
    """Import the published network.

    Returns:
        SimpleNamespace: ``model`` (with ``build_model``) and ``pvt``.
    """
    root = Path(os.environ['MMAVS_REFERENCE_ROOT'], 'AVSegFormer')
    with _importable(root):
        published = SimpleNamespace(
            model=importlib.import_module('model'),
            pvt=importlib.import_module('model.backbone.pvt'),
        )
    assert Path(published.model.__file__).is_relative_to(root)
    return published

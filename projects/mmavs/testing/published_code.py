"""Import published code without installing its dependencies."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from torch import Tensor, nn

REFERENCE_ROOT = os.environ.get('MMAVS_REFERENCE_ROOT')
#: Modules that published files import but do not use in the code under
#: comparison, with the names that they import from these modules.
_UNUSED = {
    'cv2': (),
    'pandas': (),
    'towhee': ('pipe', 'ops'),
    'tqdm': ('tqdm',),
    'torchvision': ('transforms',),
    'transformers': ('Mask2FormerImageProcessor',),
}


def why_not(folder: str) -> str | None:
    """Return why published code cannot be run.

    Args:
        folder (str): Required folder in MMAVS_REFERENCE_ROOT.

    Returns:
        str | None: The reason, or None if the folder is there.
    """
    if REFERENCE_ROOT is None:
        return 'MMAVS_REFERENCE_ROOT is not set'
    if not Path(REFERENCE_ROOT, folder).is_dir():
        return f'no {folder} in MMAVS_REFERENCE_ROOT={REFERENCE_ROOT}'
    return None


def import_published(path: str | Path) -> ModuleType:
    """Import one published file, with stand-ins for modules it does not use.

    They replace installed modules too, because a newer transformers and the
    huggingface_hub of the published code exclude each other.

    Args:
        path (str | Path): The file.

    Returns:
        ModuleType: The module.
    """
    stubs = {name: ModuleType(name) for name in _UNUSED}
    for name, stub in stubs.items():
        vars(stub).update(dict.fromkeys(_UNUSED[name]))
    spec = importlib.util.spec_from_file_location(
        f'_published_{Path(path).stem}', path
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _no_bytecode(), mock.patch.dict(sys.modules, stubs):
        spec.loader.exec_module(module)
    return module


@contextmanager
def importable(
    folder: Path, own_modules: Collection[str], stubs: Mapping[str, ModuleType]
) -> Iterator[None]:
    """Make the modules of a folder importable inside the block.

    Several checkouts use the same module names, so everything that the block
    imports is removed from ``sys.modules`` at its end.

    Args:
        folder (Path): Folder of a checkout.
        own_modules (Collection[str]): Its top-level modules.
        stubs (Mapping[str, ModuleType]): Replacements of what they import.
    """
    sys.path.insert(0, str(folder))
    with _no_bytecode(), mock.patch.dict(sys.modules, stubs):
        for name in list(sys.modules):
            if name.split('.')[0] in own_modules:
                del sys.modules[name]
        try:
            yield
        finally:
            sys.path.remove(str(folder))


class SteadyPath(nn.Module):
    """Replacement of timm's ``DropPath`` for evaluation.

    Args:
        drop_prob (float): Only stored, so that tests can compare it.
    """

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``; stochastic depth does nothing in evaluation."""
        assert not self.training
        return x


def timm_stubs() -> dict[str, ModuleType]:
    """Build stand-ins for the parts of timm that the published PVT uses.

    Returns:
        dict[str, ModuleType]: For :func:`importable`.
    """
    layers: dict[str, object] = dict(
        DropPath=SteadyPath,
        to_2tuple=lambda x: x if isinstance(x, tuple) else (x, x),
        trunc_normal_=nn.init.trunc_normal_,
    )
    registry = dict(register_model=lambda function: function)
    contents: dict[str, Mapping[str, object]] = {
        'timm': {},
        'timm.models': {},
        'timm.models.layers': layers,
        'timm.models.registry': registry,
        'timm.models.vision_transformer': dict(_cfg=dict),
    }
    stubs = {name: ModuleType(name) for name in contents}
    for name, members in contents.items():
        vars(stubs[name]).update(members)
    return stubs


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """Make ``.cuda()``, which the published code calls, do nothing."""

    def stay(self: Any, *_: Any, **__: Any) -> Any:
        return self

    with (
        mock.patch.object(Tensor, 'cuda', stay),
        mock.patch.object(nn.Module, 'cuda', stay),
    ):
        yield


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Write no ``__pycache__`` into the checkouts."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before

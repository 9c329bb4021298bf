"""Run the published AVSegFormer; nothing of it is kept here.

To rewrite the stored numbers of ``tests/data/avsegformer``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python -m support.reference_avsegformer

where CHECKOUTS holds ``AVSegFormer`` at commit 7083cb6. What it
imports beside torch is replaced: its compiled attention, which is absent, so
that its own fallback in plain PyTorch runs; and timm, of which its PVT takes
three small functions and the stochastic depth.
"""

import importlib
import os
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor, nn

from support.avsegformer_parity import (
    FIXTURE,
    IDS,
    SIZE,
    VARIANTS,
    Variant,
    thin_out,
)

_OWN_MODULES = ('model', 'ops', 'loss')
_CONFIG_NAMES = {'r50': 'res50', 'pvtv2-b5': 'pvt2'}


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


def build_reference(published: SimpleNamespace, variant: Variant) -> nn.Module:
    """Build a published network from its own config, with seeded weights.

    Args:
        published (SimpleNamespace): From :func:`import_reference`.
        variant (Variant): Which.

    Returns:
        nn.Module: In evaluation mode; its VGGish hands through.
    """
    folder = Path(os.environ['MMAVS_REFERENCE_ROOT'], 'AVSegFormer', 'config')
    name = f'AVSegFormer_{_CONFIG_NAMES[variant.backbone]}_{variant.task}.py'
    cfg = Config.fromfile(folder / variant.task / name).model.to_dict()
    # Nothing is loaded from the files that it begins with.
    cfg['backbone']['init_weights_path'] = None
    cfg['vggish']['freeze_audio_extractor'] = False
    network = published.model.build_model(**cfg)
    network.load_state_dict(variant.weights())
    network.vggish = nn.Identity()
    return network.eval()


def reference_outputs(
    network: nn.Module, variant: Variant, size: int
) -> dict[str, Tensor]:
    """Run the published network and its loss.

    Args:
        network (nn.Module): From :func:`build_reference`.
        variant (Variant): The same.
        size (int): Of the frames and the truth.

    Returns:
        dict[str, Tensor]: The entries of ``avsegformer_parity.our_outputs``.
    """
    flags = () if variant.valid is None else (variant.valid.float(),)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of meshgrid
        logits, mask_feature = network(
            variant.audio(), variant.frames(size), *flags
        )
    return dict(
        logits=logits,
        mask_feature=mask_feature,
        losses=_losses(variant, logits, mask_feature),
    )


def _losses(variant: Variant, logits: Tensor, mask_feature: Tensor) -> Tensor:
    folder = Path(os.environ['MMAVS_REFERENCE_ROOT'], 'AVSegFormer', 'scripts')
    with _importable(folder / variant.task):
        compute = importlib.import_module('loss').IouSemanticAwareLoss
    # They were images of 0 where nobody labelled.
    truth = variant.truth(logits.shape[-1]).clone()
    truth[~variant.labelled] = 0
    if variant.task == 'avss':
        arguments = (truth[:, None], variant.labelled.float())
    else:
        # Of S4 the first frame alone is stored.
        arguments = (truth[variant.labelled][:, None].float(),)
    with (
        torch.enable_grad(),  # the loss of S4 insists
        mock.patch.object(Tensor, 'cuda', lambda self: self),
    ):
        _, parts = compute(
            logits.detach().requires_grad_(),
            mask_feature.detach().requires_grad_(),
            *arguments,
            weight_dict=dict(iou_loss=1.0, mix_loss=0.1),
            loss_type='dice',
        )
    return torch.tensor([parts['iou_loss'], parts['mix_loss']])


def main() -> None:
    """Rewrite the stored numbers."""
    reason = why_not()
    if reason is not None:
        sys.exit(reason)
    published = import_reference()
    stored = {}
    for name, variant in zip(IDS, VARIANTS, strict=True):
        with torch.no_grad():
            network = build_reference(published, variant)
            outputs = reference_outputs(network, variant, SIZE)
        thin = thin_out(outputs)
        stored |= {f'{name}/{key}': value for key, value in thin.items()}
    np.savez_compressed(FIXTURE, **stored)
    print(f'Wrote {FIXTURE.name}, {FIXTURE.stat().st_size} bytes')


if __name__ == '__main__':
    main()

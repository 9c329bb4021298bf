"""Run the published TPAVI on seeded clips; nothing of it is kept here.

To rewrite the stored numbers of ``tests/data/tpavi``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python -m support.reference_tpavi

where CHECKOUTS holds ``AVSBench`` at commit f7414af. What it imports beside
torch is replaced: torchvision, which it takes for a download, and of timm
three small functions.
"""

import contextlib
import importlib
import io
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import numpy as np
import torch
from mmavs.testing import published_code
from torch import Tensor, nn

from support.float64 import (
    Side,
    converted_gradients,
    double_precision,
    without_graph,
)
from support.tpavi_parity import (
    SIZE,
    SMALL,
    STORED,
    Case,
    converted,
    fixture_path,
    seeded_pixels,
    seeded_sound,
    thin_out,
    total_loss,
)
from support.tpavi_seeded import published_keys, seeded_state_dict

_FOLDERS = {'s4': 'avs_s4', 'ms3': 'avs_ms3', 'avss': 'avss'}
# Imported from the folder of a task; all tasks use these names.
_OWN_MODULES = ('model', 'loss')
_STAGES = [0, 1, 2, 3]


def why_not() -> str | None:
    """Say what is missing for the reference, or None.

    Returns:
        str | None: A reason to skip.
    """
    return published_code.why_not('AVSBench/avs_scripts')


def _torchvision_stubs() -> dict[str, ModuleType]:
    vision = ModuleType('torchvision')
    vision.models = ModuleType('torchvision.models')
    return {'torchvision': vision, 'torchvision.models': vision.models}


@contextlib.contextmanager
def importable(task: str):
    """Let the modules of a task's folder be imported, and forget them.

    Args:
        task (str): ``'s4'``, ``'ms3'`` or ``'avss'``.

    Yields:
        Path: The folder.
    """
    scripts = Path(os.environ['MMAVS_REFERENCE_ROOT'], 'AVSBench/avs_scripts')
    folder = scripts / _FOLDERS[task]
    stubs = published_code.timm_stubs() | _torchvision_stubs()
    with published_code.importable(folder, _OWN_MODULES, stubs):
        if task == 'avss':
            # Its pvt.py was never committed; the others' is the same.
            importlib.import_module('model')
            path = scripts / 'avs_s4/model/pvt.py'
            spec = importlib.util.spec_from_file_location('model.pvt', path)
            module = importlib.util.module_from_spec(spec)
            sys.modules['model.pvt'] = module
            spec.loader.exec_module(module)
        yield folder


def import_reference(backbone: str, task: str) -> SimpleNamespace:
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
    assert Path(published.model.__file__).is_relative_to(folder)
    return published


def build_reference(
    published: SimpleNamespace, task: str, **options
) -> nn.Module:
    """Build the published network without its ImageNet weights.

    Args:
        published (SimpleNamespace): From :func:`import_reference`.
        task (str): The same.
        options: Arguments of the published class.

    Returns:
        nn.Module: In evaluation mode.
    """
    network = published.model.Pred_endecoder
    reader = (
        'initialize_weights'
        if hasattr(network, 'initialize_weights')
        else 'initialize_pvt_weights'
    )
    options = (
        dict(tpavi_stages=_STAGES, tpavi_va_flag=True, tpavi_vv_flag=False)
        | options
    )
    with (
        mock.patch.object(network, reader),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        classes = 71 if task == 'avss' else 1
        built = network(config=SimpleNamespace(NUM_CLASSES=classes), **options)
    return built.eval()


def load_reference(network: nn.Module, backbone: str, task: str) -> None:
    """Give the published network the seeded weights.

    Args:
        network (nn.Module): From :func:`build_reference`.
        backbone (str): Of the network.
        task (str): Of the network.
    """
    network.load_state_dict(seeded_state_dict(published_keys(backbone, task)))


@contextlib.contextmanager
def _without_cuda():
    """The published network and losses call ``.cuda()`` on their way."""
    with mock.patch.object(Tensor, 'cuda', lambda self: self):
        yield


def published_losses(
    published: SimpleNamespace,
    case: Case,
    logits: Tensor,
    audio: list[Tensor],
    maps: list[Tensor],
    truth: Tensor,
) -> dict[str, Tensor]:
    """Compute every term of the published loss, weighted as in its train.sh.

    Args:
        published (SimpleNamespace): From :func:`import_reference`.
        case (Case): Which task, and how many frames are labelled.
        logits (Tensor): From :func:`run_reference`.
        audio (list[Tensor]): Likewise.
        maps (list[Tensor]): Likewise.
        truth (Tensor): (T, h, w) class ids.

    Returns:
        dict[str, Tensor]: ``loss_ce`` and, but for S4, ``loss_match``.
    """
    loss = published.loss
    kl = dict(count_stages=_STAGES, norm_fea=False, kl_flag=True)
    if case.task == 's4':
        first = truth[:1, None, None].to(logits.dtype)
        return {'loss_ce': loss.F1_IoU_BCELoss(logits, first)}
    if case.task == 'ms3':
        return {
            'loss_ce': loss.F5_IoU_BCELoss(
                logits, truth[:, None].to(logits.dtype)
            ),
            'loss_match': 0.5
            * loss.A_MaskedV_SimmLoss(logits, audio, maps, **kl),
        }
    flag = (torch.arange(case.num_frames) < case.num_labelled).float()
    return {
        'loss_ce': loss.F10_IoU_BCELoss(logits, truth, flag),
        'loss_match': 0.5
        * loss.A_MaskedV_SimmLoss(logits, audio, maps, flag, **kl),
    }


def run_reference(network: nn.Module, case: Case, **changes):
    """Run the published network on the seeded clip.

    Args:
        network (nn.Module): With seeded weights.
        case (Case): The clip.
        changes: ``pixels``, ``sound`` in place of the seeded ones.

    Returns:
        tuple: Logits, stage maps and projected sound, as published.
    """
    sound = changes.get('sound', seeded_sound(case))
    inputs = [changes.get('pixels', seeded_pixels(case))]
    if case.task == 'avss':
        flag = (torch.arange(case.num_frames) < case.num_valid).float()
        inputs += [sound * flag[:, None], flag]
    else:
        inputs.append(sound)
    with _without_cuda():
        return network(*inputs)


def reference_outputs(
    published: SimpleNamespace,
    network: nn.Module,
    case: Case,
    size: int = SIZE,
) -> dict[str, Tensor]:
    """Run the published network and its losses on the seeded clip.

    Args:
        published (SimpleNamespace): From :func:`import_reference`.
        network (nn.Module): With seeded weights.
        case (Case): The clip.
        size (int): Of its frames.

    Returns:
        dict[str, Tensor]: The entries of ``tpavi_parity.our_outputs``.
    """
    caught = []
    hook = network.output_conv.register_forward_pre_hook(
        lambda module, args: caught.append(args[0])
    )
    logits, maps, audio = run_reference(
        network, case, pixels=seeded_pixels(case, size)
    )
    hook.remove()
    # The published loss of S4 asserts that it is trained.
    trained = logits
    if not logits.requires_grad:
        trained = logits.clone().requires_grad_()
    with _without_cuda(), torch.enable_grad():
        losses = published_losses(
            published,
            case,
            trained,
            audio,
            maps,
            # Published, a frame without label is all background.
            case.labels(case.num_frames, 0)[:, :size, :size],
        )
    return {
        'logits': logits,
        'mask_feature': caught[0],
        **{f'map_{i}': x for i, x in enumerate(maps)},
        **{f'audio_{i}': x.flatten(0, -2) for i, x in enumerate(audio)},
        **losses,
    }


def their_float64_side(case: Case) -> Side:
    """Compute the published outputs and all gradients in float64.

    Args:
        case (Case): The clip.

    Returns:
        Side: The entries of ``tpavi_parity.our_float64_side``.
    """
    with double_precision():
        published = import_reference(case.backbone, case.task)
        network = build_reference(published, case.task)
        load_reference(network, case.backbone, case.task)
        outputs = reference_outputs(published, network, case, SMALL)
        grads = converted_gradients(
            network,
            total_loss(outputs),
            published_keys(case.backbone, case.task),
            lambda grads: converted(grads, case.backbone, case.task)[0],
        )
        return without_graph(outputs), grads


def main() -> None:
    """Rewrite the stored numbers."""
    reason = why_not()
    if reason is not None:
        sys.exit(reason)
    for case in STORED:
        published = import_reference(case.backbone, case.task)
        network = build_reference(published, case.task)
        load_reference(network, case.backbone, case.task)
        with torch.no_grad():
            outputs = reference_outputs(published, network, case)
        path = fixture_path(case)
        np.savez_compressed(path, **thin_out(outputs))
        print(f'Wrote {path.name}, {path.stat().st_size} bytes')


if __name__ == '__main__':
    main()

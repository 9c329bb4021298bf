"""Run the published TPAVI on seeded clips; nothing of it is kept here.

To rewrite the stored numbers of ``tests/data/tpavi``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python -m support.reference_tpavi

where CHECKOUTS holds ``AVSBench`` at commit f7414af.
"""

import sys
from types import SimpleNamespace

import numpy as np
import torch
from mmavs.testing import on_the_cpu
from mmavs.testing.tpavi import (
    build_network,
    import_network,
    why_not,
)
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


def load_reference(network: nn.Module, backbone: str, task: str) -> None:
    """Give the published network the seeded weights.

    Args:
        network (nn.Module): From :func:`build_network`.
        backbone (str): Of the network.
        task (str): Of the network.
    """
    network.load_state_dict(seeded_state_dict(published_keys(backbone, task)))


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
        published (SimpleNamespace): From :func:`import_network`.
        case (Case): Which task, and how many frames are labelled.
        logits (Tensor): From :func:`run_reference`.
        audio (list[Tensor]): Likewise.
        maps (list[Tensor]): Likewise.
        truth (Tensor): (T, h, w) class ids.

    Returns:
        dict[str, Tensor]: ``loss_ce`` and, but for S4, ``loss_match``.
    """
    loss = published.loss
    kl = dict(count_stages=[0, 1, 2, 3], norm_fea=False, kl_flag=True)
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
    with on_the_cpu():
        return network(*inputs)


def reference_outputs(
    published: SimpleNamespace,
    network: nn.Module,
    case: Case,
    size: int = SIZE,
) -> dict[str, Tensor]:
    """Run the published network and its losses on the seeded clip.

    Args:
        published (SimpleNamespace): From :func:`import_network`.
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
    with on_the_cpu(), torch.enable_grad():
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
        published = import_network(case.backbone, case.task)
        network = build_network(published, case.task)
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
        published = import_network(case.backbone, case.task)
        network = build_network(published, case.task)
        load_reference(network, case.backbone, case.task)
        with torch.no_grad():
            outputs = reference_outputs(published, network, case)
        path = fixture_path(case)
        np.savez_compressed(path, **thin_out(outputs))
        print(f'Wrote {path.name}, {path.stat().st_size} bytes')


if __name__ == '__main__':
    main()

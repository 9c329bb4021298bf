"""Run the published EASE; nothing of it is kept here.

To rewrite the stored numbers of ``tests/data/ease``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python -m support.reference_ease

where CHECKOUTS holds ``EASE`` at commit 12ab645.
"""

import sys

import torch
from mmavs.converters.ease import convert_ease
from mmavs.testing import ease
from torch import Tensor, nn

from support.ease_cases import TINY, TINY_PVT, Case, published_keys
from support.ease_parity import FLOAT64, without_noise
from support.float64 import (
    Side,
    converted_gradients,
    digest,
    double_precision,
    without_graph,
    write_digests,
)

#: Of masks, dice and classes, in matcher and losses.
_WEIGHTS = dict(loss_cross_entropy=2.0, loss_mask=5.0, loss_dice=5.0)


def build_reference(case: Case) -> nn.Module:
    """Build the published network with the seeded weights.

    Args:
        case (Case): Which.

    Returns:
        nn.Module: Its names are those of a checkpoint.
    """
    network = ease.build_network(
        _pvt(case)
        if case.pvt
        else ease.build_vit(case.sizes, case.frame_size),
        num_classes=case.num_classes,
        num_queries=case.num_queries,
        num_clusters=case.num_clusters,
        audio_dims=case.audio_dims,
        fusion_at_blocks=_fused_blocks(case),
        num_blocks=case.joint_blocks,
        masked_attn_enabled=case.training,
    )
    network.load_state_dict(case.weights(published_keys(case)))
    return network.train(case.training)


def _fused_blocks(case: Case) -> list[int]:
    """The joint blocks and, with PVTv2, the block before them."""
    last = case.sizes['num_layers']
    if not case.pvt:
        return list(range(last - case.joint_blocks, last))
    if last == 40:
        last += 9  # of the first two stages
    else:
        last += 2
    return list(range(last - case.joint_blocks - 1, last))


def _pvt(case: Case) -> nn.Module:
    width = case.sizes['embed_dims']
    if width == 64:
        return ease.build_pvt(case.joint_blocks)
    return ease.build_pvt(
        case.joint_blocks,
        depths=(1, 1, case.sizes['num_layers'], 1),
        embed_dims=[width * n for n in (1, 2, 4, 8)],
        num_heads=(1, 2, 4, 8),
    )


def reference_outputs(network: nn.Module, case: Case) -> dict[str, Tensor]:
    """Run the published network and its losses.

    Args:
        network (nn.Module): From :func:`build_reference`.
        case (Case): The same.

    Returns:
        dict[str, Tensor]: The entries of ``ease_parity.our_outputs``.
    """
    audio = case.audio()
    frames = case.frames().to(audio.dtype) / 255.0
    with without_noise():
        masks, classes, _ = network['network'](frames, audio[:, None])
    outputs = dict(classes=torch.stack(classes), masks=torch.stack(masks))
    if case.training:
        outputs['losses'] = _losses(case, masks, classes)
    return outputs


def _losses(case: Case, masks: list, classes: list) -> Tensor:
    module = ease.import_module('training.mask_classification_loss')
    criterion = module.MaskClassificationLoss(
        num_points=case.num_points,
        oversample_ratio=3.0,
        importance_sample_ratio=0.75,
        mask_coefficient=_WEIGHTS['loss_mask'],
        dice_coefficient=_WEIGHTS['loss_dice'],
        class_coefficient=_WEIGHTS['loss_cross_entropy'],
        sim_coefficient=1.0,
        cons_coefficient=0.0,
        num_labels=case.num_classes,
        no_object_coefficient=0.1,
    )
    targets = []
    for truth in case.truth():
        labels = truth.unique()
        shown = truth[None] == labels[:, None, None]
        targets.append(dict(masks=shown, labels=labels))
    rows = []
    for mask, class_logits in zip(masks, classes, strict=True):
        with without_noise():
            losses = criterion(mask, targets, class_logits)
        rows.append(
            torch.stack([w * losses[name] for name, w in _WEIGHTS.items()])
        )
    return torch.stack(rows)


def their_gradients(
    network: nn.Module, case: Case, losses: Tensor
) -> dict[str, Tensor]:
    """Compute the gradients of the sum of the losses, by our names."""
    grads = converted_gradients(
        network,
        losses.sum(),
        published_keys(case),
        lambda grads: convert_ease(grads, None)[0],
    )
    del grads['decode_head.attn_mask_probs']  # a buffer
    return grads


def their_float64_side(case: Case) -> Side:
    """Compute the published outputs and all gradients in float64.

    Args:
        case (Case): Which.

    Returns:
        Side: The entries of ``ease_parity.our_float64_side``.
    """
    with double_precision():
        network = build_reference(case).double()
        outputs = reference_outputs(network, case)
        grads = their_gradients(network, case, outputs['losses'])
        return without_graph(outputs), grads


def main() -> None:
    """Rewrite the stored numbers."""
    reason = ease.why_not()
    if reason is not None:
        sys.exit(reason)
    digests = {
        case.name: digest(*their_float64_side(case))
        for case in (TINY, TINY_PVT)
    }
    write_digests(FLOAT64, digests)


if __name__ == '__main__':
    main()

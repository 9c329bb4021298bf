"""Run the published AVSegFormer; nothing of it is kept here.

To rewrite the stored numbers of ``tests/data/avsegformer``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python -m support.reference_avsegformer

where CHECKOUTS holds ``AVSegFormer`` at commit 7083cb6.
"""

import sys
import warnings
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from mmavs.testing import avsegformer
from torch import Tensor, nn

from support.avsegformer_parity import (
    FIXTURE,
    IDS,
    SIZE,
    SMALL_SIZE,
    VARIANTS,
    Variant,
    converted,
    thin_out,
)
from support.float64 import (
    Side,
    converted_gradients,
    double_precision,
    without_graph,
)


def build_reference(published: SimpleNamespace, variant: Variant) -> nn.Module:
    """Build a published network from its own config, with seeded weights.

    Args:
        published (SimpleNamespace): From
            ``mmavs.testing.avsegformer.import_network``.
        variant (Variant): Which.

    Returns:
        nn.Module: In evaluation mode; its VGGish hands through.
    """
    network = avsegformer.build_network(
        published.model, variant.backbone, variant.task
    )
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
        dict[str, Tensor]: The entries of ``avsegformer_parity.our_outputs``;
        the losses have gradients unless these are switched off.
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
    folder = avsegformer.checkout() / 'scripts' / variant.task
    compute = avsegformer.import_module(folder, 'loss').IouSemanticAwareLoss
    # Frames without labels were images of 0.
    truth = variant.truth(logits.shape[-1]).clone()
    truth[~variant.labelled] = 0
    if variant.task == 'avss':
        arguments = (truth[:, None], variant.labelled.float())
    else:
        # Of S4 the first frame alone is stored.
        arguments = (truth[variant.labelled][:, None].float(),)
    if not logits.requires_grad:  # the loss of S4 insists on a gradient
        logits = logits.clone().requires_grad_()
        mask_feature = mask_feature.clone().requires_grad_()
    with (
        torch.enable_grad(),
        mock.patch.object(Tensor, 'cuda', lambda self: self),
    ):
        # It returns the sum of both terms; a weight of 0 leaves one out.
        terms = [
            compute(
                logits,
                mask_feature,
                *arguments,
                weight_dict=dict(iou_loss=iou, mix_loss=mix),
                loss_type='dice',
            )[0]
            for iou, mix in ((1.0, 0.0), (0.0, 0.1))
        ]
    return torch.stack(terms)


def their_float64_side(variant: Variant) -> Side:
    """Compute the published outputs and all gradients in float64.

    Args:
        variant (Variant): Which.

    Returns:
        Side: The entries of ``avsegformer_parity.our_float64_side``.
    """
    with double_precision():
        network = build_reference(avsegformer.import_network(), variant)
        network.requires_grad_()  # its backbone starts frozen
        size = SMALL_SIZE if variant.small else SIZE
        outputs = reference_outputs(network, variant, size)
        grads = converted_gradients(
            network,
            outputs['losses'].sum(),
            variant.keys(),
            lambda grads: converted(grads, variant),
        )
        return without_graph(outputs), grads


def main() -> None:
    """Rewrite the stored numbers."""
    reason = avsegformer.why_not()
    if reason is not None:
        sys.exit(reason)
    published = avsegformer.import_network()
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

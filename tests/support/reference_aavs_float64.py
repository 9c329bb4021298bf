"""The published AAVS in float64, where every CPU makes the same choices.

A layer attends where a mask logit is not negative, and the mask losses sample
the points with logits closest to zero. Rounding in float32, which differs
between CPUs, decides where two such values are nearly equal.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

from support.aavs_parity import (
    FLOAT64_FRAMES,
    Stage,
    converted,
    write_seeded_prior,
)
from support.aavs_seeded import MATCHER_POINTS, load_keys, seeded_frames
from support.float64 import (
    Side,
    converted_gradients,
    double_precision,
    without_graph,
)
from support.reference_aavs import (
    build_reference,
    image_processor,
    import_reference,
    reference_inputs,
    reference_losses,
    reference_outputs,
    reference_prior,
)

#: Largest error of a mask logit in float32.
LOGIT_ROUNDING = 2e-5
# Only the sampling of points sorts rows of this length.
_CANDIDATE_POINTS = 3 * MATCHER_POINTS


def their_float64_side(stage: Stage) -> Side:
    """Compute the published outputs and all gradients in float64.

    Args:
        stage (Stage): Which of the two.

    Returns:
        Side: The entries of ``aavs_parity.our_float64_side``.
    """
    with double_precision():
        network, _, outputs = _run(stage, FLOAT64_FRAMES)
        grads = converted_gradients(
            network,
            outputs['losses'].sum(),
            load_keys(stage.keys),
            lambda grads: converted(grads, stage)[0],
        )
        return without_graph(outputs), grads


def outputs_and_other_losses(
    stage: Stage, num_frames: int
) -> tuple[dict[str, Tensor], Tensor]:
    """Compute the published outputs in float64, without gradients.

    Args:
        stage (Stage): Which of the two.
        num_frames (int): T.

    Returns:
        tuple[dict[str, Tensor], Tensor]: The entries of
        ``aavs_parity.our_outputs``, and the losses (10, 3) after
        :func:`exchanged_points`.
    """
    with double_precision(), torch.no_grad():
        network, processor, outputs = _run(stage, num_frames)
        inputs = reference_inputs(processor, stage, num_frames)
        with exchanged_points(LOGIT_ROUNDING):
            losses = reference_losses(
                network, inputs, outputs['cls'], outputs['mask']
            )
    return outputs, losses


@contextmanager
def exchanged_points(within: float) -> Iterator[None]:
    """Sample the first point left out in place of the last one taken.

    Args:
        within (float): Only in masks where the two points' distances from
            zero differ by less than this.

    Yields:
        None: While the losses are computed.
    """
    topk = torch.topk

    def exchange(values: Tensor, k: int, dim: int = -1):
        if values.shape[-1] != _CANDIDATE_POINTS:
            return topk(values, k, dim=dim)
        best, indices = topk(values, k + 1, dim=dim)
        rows = best[:, k - 1] - best[:, k] < within
        indices[rows, k - 1] = indices[rows, k]
        return best[:, :k], indices[:, :k].contiguous()

    with mock.patch.object(torch, 'topk', exchange):
        yield


def _run(stage: Stage, num_frames: int) -> tuple:
    """Run the network, within :func:`double_precision`.

    Returns:
        tuple: The network, the processor and the outputs.
    """
    published = import_reference(stage)
    # The processor's settings hold these numbers rounded to float32.
    mean, std = (
        torch.tensor(values, dtype=torch.float64).view(3, 1, 1)
        for values in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    )
    network = build_reference(published.transformers, stage)
    processor = image_processor(published.transformers)
    prior = None
    if stage.number == 2:
        with tempfile.TemporaryDirectory() as root:
            write_seeded_prior(Path(root), num_frames)
            prior = reference_prior(published.avs_model, Path(root)).double()
    outputs = reference_outputs(
        network,
        processor,
        stage,
        num_frames,
        prior,
        pixels=(seeded_frames(num_frames).double() - mean) / std,
    )
    if stage.number == 2:
        outputs['semantic'] = outputs['semantic'].double()
    return network, processor, outputs

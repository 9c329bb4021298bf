"""Operations of a model, counted for one clip of random content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..datasets.log_mel import SAMPLE_RATE
from ..datasets.transforms import Waveform
from .model_loading import build_pipeline

_CORNERS = 4
#: Size of the frames before the pipeline resizes them.
_STORED_SIZE = (224, 224)


def random_inputs(
    cfg: Config,
    num_frames: int,
    *,
    shape: tuple[int, int] | None = None,
    device: str = 'cpu',
) -> dict[str, Any]:
    """Make inputs of a model by the test pipeline of its config.

    Frames are normal noise, the sound is white noise and a mask prior is
    empty; costs do not depend on them.

    Args:
        cfg (Config): With ``test_dataloader``.
        num_frames (int): T; one second of sound for each.
        shape (tuple[int, int] | None): (H, W) of the frames. Defaults to
            None, the size of the pipeline.
        device (str): Where the tensors are.

    Returns:
        dict[str, Any]: ``frames`` (T, 3, H, W), ``audio`` (T, ...), for stage
        two ``mask_prior`` (T, 1, h, w), and ``num_frames``, [T].
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    steps = [dict(s) for s in cfg.test_dataloader.dataset.pipeline]
    if shape is not None:
        for step in steps:
            step.update({key: shape for key in step if key == 'frame_size'})
    waveform_cfg, pipeline = build_pipeline(steps)
    rate = waveform_cfg.get('sample_rate', SAMPLE_RATE)
    # Front ends may need a little more than the last second.
    noise = np.random.default_rng(0).normal(0, 0.1, (num_frames + 1) * rate)
    size = shape or _STORED_SIZE
    clip = dict(
        clip_id='noise',
        num_frames=num_frames,
        frames=np.zeros((num_frames, *size, 3), np.uint8),
        frame_paths=[None] * num_frames,
        waveform=Waveform.from_samples(noise, rate, **waveform_cfg),
    )
    if any(step['type'] == 'LoadMaskPrior' for step in steps):
        clip['mask_prior'] = np.zeros((num_frames, *_STORED_SIZE), np.float32)
    inputs = pipeline(clip)['inputs']
    inputs['frames'] = torch.randn(inputs['frames'].shape)
    tensors = {key: rows.to(device) for key, rows in inputs.items()}
    return dict(tensors, num_frames=[num_frames])


def count_flops(run: Callable[[], object]) -> dict[str, int]:
    """Count the floating-point operations of a call, by module.

    Counts convolutions, matrix products and attention by
    ``torch.utils.flop_counter``, and deformable attention by
    :func:`deformable_attention_flops`. A multiplication with the addition
    that follows counts as two (``mmengine.analysis`` counts it as one, and
    knows neither fused nor deformable attention). All other operations are
    ignored.

    Args:
        run (Callable[[], object]): Calls a model without gradients, whose
            parameters must not need gradients either.

    Returns:
        dict[str, int]: Operations by name of the module, starting with the
        class of the outermost one; ``Global`` is their total.
    """
    attend = torch.ops.mmavs_ops.ms_deform_attn
    counter = FlopCounterMode(
        display=False, custom_mapping={attend: deformable_attention_flops}
    )
    # The counter does not know the fused attention kernels of the CPU, so
    # attention must run as separate matrix products.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.no_grad(),
            sdpa_kernel(SDPBackend.MATH),
            # It convolves more pixels than there are, in a cheaper way.
            torch.backends.nnpack.flags(enabled=False),
            counter,
        ):
            run()
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return {
        name: sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
    }


def deformable_attention_flops(
    value: tuple[int, ...],
    shapes: tuple[int, ...],
    starts: tuple[int, ...],
    locations: tuple[int, ...],
    weights: tuple[int, ...],
    **kwargs: object,
) -> int:
    """Count the operations of multi-scale deformable attention.

    Each point of each query and head reads four corners, and each channel of
    a corner is multiplied and added once.

    Args:
        value (tuple[int, ...]): Shape (N, S, M, D).
        shapes (tuple[int, ...]): Not used.
        starts (tuple[int, ...]): Not used.
        locations (tuple[int, ...]): Not used.
        weights (tuple[int, ...]): Shape (N, Q, M, L, P).
        **kwargs (object): Shape of the output; not used.

    Returns:
        int: 8 * N * Q * M * L * P * D.
    """
    points = torch.Size(weights).numel()
    return 2 * _CORNERS * points * value[-1]

"""Time a model with this project's deformable attention and with mmcv's."""

from __future__ import annotations

import functools
import statistics

import mmavs  # noqa: F401  makes mmcv.ops importable without compiled ops
import torch
from mmavs.config_file import check_entries, read_config
from mmavs.models.layers import swap_class
from mmavs.models.layers.deformable_attention import (
    MultiScaleDeformableAttention,
)
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttention as MMCVDeformableAttention,
)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from benchmarks.timing import time_in_turns, timed_parts


def measure_model(config: str, device: str, rounds: int = 2) -> list[dict]:
    """Time the inference of a clip with and without the operator.

    Args:
        config (str): Config with an audio-visual segmentor whose head has a
            ``pixel_decoder``. Weights stay random.
        device (str): 'cpu' or 'cuda'.
        rounds (int): Clips that are segmented with each attention.

    Returns:
        list[dict]: For 'compiled' and 'stock' attention, median seconds of
        the whole model, the backbone and the pixel decoder.
    """
    cfg = read_config(config)
    check_entries(cfg, 'model', 'test_dataloader')
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).to(device).eval()
    if not any(
        isinstance(module, MultiScaleDeformableAttention)
        for module in model.modules()
    ):
        raise ValueError(
            f'{config}: expected a model with deformable attention, which is '
            'what the benchmark compares; found none'
        )
    clip = _random_clip(cfg, device)
    classes = {
        'compiled': MultiScaleDeformableAttention,
        'stock': MMCVDeformableAttention,
    }
    parts: dict[str, dict[str, list[float]]] = {name: {} for name in classes}
    timed = dict(
        backbone=model.backbone,
        pixel_decoder=model.decode_head.pixel_decoder,
    )

    def segment(name: str) -> None:
        for old in classes.values():
            swap_class(model, old, classes[name])
        with torch.no_grad(), timed_parts(timed, device, parts[name]):
            model.predict(clip)

    timings = time_in_turns(
        {name: functools.partial(segment, name) for name in classes},
        rounds,
        device=device,
    )
    return [
        dict(
            attention=name,
            clip_s=timing.median,
            **{
                # The first call is the warm-up.
                f'{part}_s': statistics.median(seconds[1:])
                for part, seconds in parts[name].items()
            },
        )
        for name, timing in timings.items()
    ]


def _random_clip(cfg: Config, device: str) -> dict:
    """Return the inputs of one clip of five seconds at the config's size."""
    sizes = [
        step['frame_size']
        for step in cfg.test_dataloader.dataset.pipeline
        if 'frame_size' in step
    ]
    height, width = sizes[0]
    generator = torch.Generator().manual_seed(0)
    num_frames = 5
    return dict(
        frames=torch.randn(
            num_frames, 3, height, width, generator=generator
        ).to(device),
        audio=torch.randn(num_frames, 1, 96, 64, generator=generator).to(
            device
        ),
        num_frames=[num_frames],
    )

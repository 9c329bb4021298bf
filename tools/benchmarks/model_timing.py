"""Time a model's clip inference with this project's attention and mmcv's."""

from __future__ import annotations

import statistics
import time
from typing import Any

import mmavs  # noqa: F401  makes mmcv.ops importable without compiled ops
import torch
from mmavs.models.layers.deformable_attention import (
    MultiScaleDeformableAttention,
)
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttention as MMCVDeformableAttention,
)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS


def measure_model(config: str, device: str, rounds: int = 2) -> list[dict]:
    """Time a model's clip inference with and without the operator.

    Args:
        config (str): Config with an audio-visual segmentor whose head has a
            ``pixel_decoder``. Weights stay random.
        device (str): 'cpu' or 'cuda'.
        rounds (int): Clips segmented each way, in turns.

    Returns:
        list[dict]: For 'compiled' and 'stock' attention the medians in
        seconds of the whole, the backbone and the pixel decoder.
    """
    cfg = Config.fromfile(config)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).to(device).eval()
    layers = [
        module
        for module in model.modules()
        if isinstance(module, MultiScaleDeformableAttention)
    ]
    if not layers:
        raise SystemExit(f'{config} has no deformable attention to compare.')
    clip = _random_clip(cfg, device)
    classes = {
        'compiled': MultiScaleDeformableAttention,
        'stock': MMCVDeformableAttention,
    }
    parts: dict[str, dict[str, list[float]]] = {}
    for turn in range(rounds + 1):
        for name, layer_class in classes.items():
            for layer in layers:
                layer.__class__ = layer_class
            times = _time_parts(model, clip, device)
            if turn:  # the first round warms up
                for part, seconds in times.items():
                    kept = parts.setdefault(name, {})
                    kept.setdefault(part, []).append(seconds)
    return [
        dict(
            attention=name,
            **{f'{k}_s': statistics.median(v) for k, v in times.items()},
        )
        for name, times in parts.items()
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
        log_mel=torch.randn(num_frames, 1, 96, 64, generator=generator).to(
            device
        ),
        num_frames=[num_frames],
    )


def _time_parts(model: Any, clip: dict, device: str) -> dict[str, float]:
    """Segment a clip and time the whole and two of its parts."""
    times: dict[str, float] = {}
    started: dict[str, float] = {}

    def now() -> float:
        if device == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter()

    hooks = []
    for name, part in (
        ('backbone', model.backbone),
        ('pixel_decoder', model.decode_head.pixel_decoder),
    ):
        hooks += [
            part.register_forward_pre_hook(
                lambda *_, name=name: started.update({name: now()})
            ),
            part.register_forward_hook(
                lambda *_, name=name: times.update(
                    {name: now() - started[name]}
                )
            ),
        ]
    begin = now()
    with torch.no_grad():
        model.predict(clip)
    times['clip'] = now() - begin
    for hook in hooks:
        hook.remove()
    return times

"""One training step of a config, and of the published AAVS."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmavs.apis.flops import random_inputs
from mmavs.engine.mixed_precision import set_amp
from mmavs.testing import aavs as published_code
from mmavs.testing import on_the_cpu
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import HOOKS, MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from benchmarks.timing import synchronize

#: Frames of the clip, and the size of their labels.
NUM_FRAMES, LABEL_SIZE = 5, (224, 224)
#: Published values of AAVS.
_LEARNING_RATES, _WEIGHT_DECAY, _MAX_NORM = {1: 1e-3, 2: 1e-4}, 0.05, 0.01
#: Ours with an option, as its row is named in the results.
AMP, CACHE = 'AMP', 'stored features'
PARTS = ('forward', 'backward', 'optimiser')


class Step:
    """A training step that notes the CPU time of its parts.

    Attributes:
        seconds (dict[str, list[float]]): CPU seconds of forward, backward
            and optimiser, one entry for each call.

    Args:
        device (str): 'cpu', or 'cuda' to wait for the GPU after each part.
    """

    def __init__(self, device: str = 'cpu') -> None:
        self.device = device
        self.seconds: dict[str, list[float]] = {part: [] for part in PARTS}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Note the time of a part."""
        start = time.process_time()
        yield
        synchronize(self.device)
        self.seconds[name].append(time.process_time() - start)


class OurStep(Step):
    """A step of a config's model with its optimiser on a random clip.

    Args:
        config (str | Path): The config.
        phase (int): Phase of its schedule, from 1; see :func:`num_phases`.
        device (str): 'cpu' or 'cuda'.
        amp (bool): Train with mixed precision, as ``tools/train.py --amp``.
        cache (Path | None): Folder for the features of frozen backbones.
    """

    def __init__(
        self,
        config: str | Path,
        phase: int,
        device: str = 'cpu',
        *,
        amp: bool = False,
        cache: Path | None = None,
    ) -> None:
        super().__init__(device)
        cfg = Config.fromfile(config)
        cfg.model.feature_cache_dir = None if cache is None else str(cache)
        if amp:
            set_amp(cfg)
        init_default_scope('mmseg')
        torch.manual_seed(0)
        model = MODELS.build(cfg.model).to(device)
        self.model = model.train()
        set_phase(model, cfg, phase)
        self.optimiser = build_optim_wrapper(model, cfg.optim_wrapper)
        self.inputs = random_inputs(cfg, NUM_FRAMES, device=device)

    def __call__(self, num_frames: int = NUM_FRAMES) -> None:
        """Train on the first frames of the clip."""
        inputs = {k: v[:num_frames] for k, v in self.inputs.items()}
        inputs['num_frames'] = [num_frames]
        samples = _data_samples(inputs['frames'])
        with self.part('forward'), self.optimiser.optim_context(self.model):
            losses = self.model.loss(inputs, samples)
            loss, _ = self.model.parse_losses(losses)
        with self.part('backward'):
            self.optimiser.zero_grad()
            self.optimiser.backward(loss)
        with self.part('optimiser'):
            self.optimiser.step()


class PublishedStep(Step):
    """A step of the published AAVS, stage one, as its ``train.py`` takes it.

    Args:
        phase (int): 1 or 2.
    """

    def __init__(self, phase: int) -> None:
        super().__init__()
        published = published_code.import_package(1)
        torch.manual_seed(0)
        self.model = published_code.build_model(published).train()
        self.model.requires_grad_(False)
        trained = published_code.trained_parameters(self.model, 1, phase)
        for name, parameter in self.model.named_parameters():
            if 'swin_adapt' in name and phase == 1:
                nn.init.zeros_(parameter)
        for parameter in trained.values():
            parameter.requires_grad_(True)
        self.optimiser = torch.optim.AdamW(
            trained.values(),
            lr=_LEARNING_RATES[phase],
            weight_decay=_WEIGHT_DECAY,
        )
        self.processor = published_code.image_processor(published.transformers)

    def __call__(self, num_frames: int = NUM_FRAMES) -> None:
        """Train on a random clip."""
        batch = self._batch(num_frames)
        with on_the_cpu():
            with self.part('forward'):
                loss, _ = self.model(batch)
            with self.part('backward'):
                self.optimiser.zero_grad()
                loss.backward()
            with self.part('optimiser'):
                nn.utils.clip_grad_norm_(self.model.parameters(), _MAX_NORM)
                self.optimiser.step()

    def _batch(self, num_frames: int) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(0)
        frames = torch.randint(
            256,
            (num_frames, 3, 384, 384),
            generator=generator,
            dtype=torch.uint8,
        )
        labels = [_label().float() for _ in range(num_frames)]
        batch = self.processor.preprocess(
            list(frames.numpy()), labels, return_tensors='pt'
        )
        batch['mask_recs'] = torch.stack(labels)
        batch['image_size'] = [LABEL_SIZE]
        batch['feat_aud'] = torch.randn(num_frames, 128, generator=generator)
        batch['task'] = 'v1s'
        return batch


def num_phases(cfg: Config) -> int:
    """Count the phases of a schedule that train different parameters.

    Args:
        cfg (Config): The config.

    Returns:
        int: 2 with ``TwoPhaseTuningHook(switch_epoch=...)`` or
        ``FreezeUntilHook``, otherwise 1.
    """
    for hook in _hooks(cfg):
        if hook.get('switch_epoch') or hook['type'] == 'FreezeUntilHook':
            return 2
    return 1


def set_phase(model: nn.Module, cfg: Config, phase: int) -> None:
    """Freeze what a phase of the schedule does not train.

    Args:
        model (nn.Module): The model.
        cfg (Config): Its config.
        phase (int): From 1.
    """
    for hook in _hooks(cfg):
        if hook['type'] == 'TwoPhaseTuningHook':
            HOOKS.build(hook).freeze_parameters(model, phase=phase)
        if hook['type'] == 'FreezeUntilHook' and phase == 1:
            for name, parameter in model.named_parameters():
                if any(re.search(p, name) for p in hook['parameters']):
                    parameter.requires_grad_(False)


def _hooks(cfg: Config) -> list[dict]:
    hooks = [*cfg.get('default_hooks', {}).values()]
    return [*hooks, *cfg.get('custom_hooks', [])]


def _label() -> Tensor:
    """Return a label (h, w) with one object."""
    label = torch.zeros(LABEL_SIZE, dtype=torch.long)
    label[50:120, 60:160] = 1
    return label


def _data_samples(frames: Tensor) -> list[SegDataSample]:
    size = tuple(frames.shape[-2:])
    samples = []
    for index in range(len(frames)):
        meta = dict(
            clip_id='random',
            frame_index=index,
            img_shape=size,
            pad_shape=size,
            ori_shape=LABEL_SIZE,
        )
        sample = SegDataSample(metainfo=meta)
        label = _label().to(frames.device)
        sample.gt_sem_seg = PixelData(data=label[None])
        samples.append(sample)
    return samples


def build_step(
    name: str, config: str | Path, phase: int, device: str, cache: Path
) -> OurStep | PublishedStep:
    """Build a step by the name of the code.

    Args:
        name (str): 'published', or 'mmavs' and, after commas, the options
            ``AMP`` and ``CACHE``.
        config (str | Path): The config; of AAVS, stage one, for 'published'.
        phase (int): From 1.
        device (str): 'cpu' or 'cuda'.
        cache (Path): Folder for the features, if the name has ``CACHE``.

    Returns:
        OurStep | PublishedStep: The step.
    """
    if name == 'published':
        return PublishedStep(phase)
    options = name.split(', ')[1:]
    return OurStep(
        config,
        phase,
        device,
        amp=AMP in options,
        cache=cache if CACHE in options else None,
    )

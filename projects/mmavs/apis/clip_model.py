"""A trained model with its test pipeline, for clips in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample
from torch import Tensor

from ..config_file import check_entries, read_config
from ..datasets import build_unread
from ..datasets.transforms import ClipResize, Waveform, clip_collate
from ..datasets.transforms.audio_front_end import AudioFrontEnd
from ..datasets.transforms.geometry import resize_frame
from ..engine import Precision, speed_up
from ..evaluation.functional import sounding_score
from ..evaluation.mask_dump import grey_masks
from .export import BACKENDS, Backend, load_exported
from .model_loading import (
    StageOne,
    build_pipeline,
    check_binary,
    check_stage,
    load_model,
)
from .prediction import ClipPrediction
from .windows import Clip, Sound, Window


class ClipModel:
    """Run a trained model, or two stages, on clips in memory.

    Clips pass through the transforms of the config's test pipeline. A model
    of stage two uses the masks that a model of stage one predicts for the
    same clip.

    Attributes:
        model (BaseModel): The model, in evaluation mode.
        classes (Sequence[str]): Name of each class id.
        palette (Sequence[Sequence[int]]): RGB of each class id.
        usual_num_frames (int): Frames of a clip of the config's test data
            set.

    Args:
        config (str | Path | Config | None): See :class:`AVSInferencer`, as
            for the other arguments.
        checkpoint (str | Path): Weights.
        device (str): Device.
        stage_one (StageOne | None): Config and checkpoint of stage one.
        soft_prior (bool): Give stage two scores instead of hard masks.
        precision (Precision): Of both stages.
        compiled (bool): Compile both stages.
        backend (Backend): What computes the network. Stage one always uses
            PyTorch.

    Raises:
        FileNotFoundError: See :class:`AVSInferencer`.
        ValueError: See :class:`AVSInferencer`.
    """

    def __init__(
        self,
        config: str | Path | Config | None,
        checkpoint: str | Path,
        *,
        device: str = 'cpu',
        stage_one: StageOne | None = None,
        soft_prior: bool = False,
        precision: Precision = 'float32',
        compiled: bool = False,
        backend: Backend = 'pytorch',
    ) -> None:
        exported = None
        cfg = _read_config(config)
        if backend != 'pytorch':
            _check_options(backend, device, compiled)
            exported = load_exported(checkpoint, backend, cfg, precision)
            # Without a text mmengine would read the file as one.
            cfg = Config(
                exported.session.facts.config,
                cfg_text='exported',
                filename=str(checkpoint),
            )
        if cfg is None:
            raise ValueError("backend 'pytorch' needs a config, got None.")
        dataset = cfg.test_dataloader.dataset
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        facts = build_unread(dataset)
        self.usual_num_frames: int = facts.usual_num_frames
        self.classes = facts.metainfo['classes']
        self.palette = facts.metainfo['palette']
        self.waveform_cfg, self.pipeline = build_pipeline(dataset.pipeline)
        check_stage(cfg, stage_one)
        self.soft_prior = soft_prior
        self.stage_one: ClipModel | None = None
        if stage_one is not None:
            self.stage_one = ClipModel(
                *stage_one,
                device=device,
                precision=precision,
                compiled=compiled,
            )
            check_binary(stage_one[0], self.stage_one.classes)
        self.model: BaseModel
        if exported is not None:
            self.model = exported
            self.usual_num_frames = exported.session.facts.num_frames
            return
        self.model = load_model(cfg, checkpoint, device)
        speed_up(self.model, precision, compiled=compiled)

    def shrink(self, frame: np.ndarray) -> np.ndarray:
        """Resize a frame as the pipeline would, to hold less memory.

        Args:
            frame (np.ndarray): (H, W, 3) uint8.

        Returns:
            np.ndarray: (h, w, 3) uint8; the frame itself if the pipeline
            does not start by resizing, or stage one may have another size.
        """
        first = next(
            step
            for step in self.pipeline.transforms
            if not isinstance(step, AudioFrontEnd)
        )
        if isinstance(first, ClipResize) and self.stage_one is None:
            return resize_frame(frame, first.frame_size)
        return frame

    def predict(
        self,
        windows: Iterator[Window],
        sound: Sound,
        size: tuple[int, ...],
        batch_size: int = 1,
    ) -> Iterator[tuple[Window, ClipPrediction]]:
        """Predict windows of a video.

        Args:
            windows (Iterator[Window]): The windows.
            sound (Sound): The whole sound.
            size (tuple[int, ...]): Height and width of the masks.
            batch_size (int): Number of windows that are processed together.

        Yields:
            tuple[Window, ClipPrediction]: Each window and its T masks.
        """
        while batch := list(islice(windows, batch_size)):
            clips = [sound.clip_of(window) for window in batch]
            results = iter(self.run(clips, size=size))
            for window in batch:
                samples = list(islice(results, len(window.frames)))
                masks = torch.cat([s.pred_sem_seg.data for s in samples])
                yield (
                    window,
                    ClipPrediction(
                        masks=masks.to('cpu', torch.uint8).numpy(),
                        scores=score(stack_logits(samples)).cpu().numpy(),
                    ),
                )

    @torch.no_grad()
    def run(
        self, clips: Sequence[Clip], *, size: tuple[int, ...] | None = None
    ) -> list[SegDataSample]:
        """Run the model on clips.

        Args:
            clips (Sequence[Clip]): B clips, with frames of one size.
            size (tuple[int, ...] | None): Height and width of the results.
                Defaults to None: the size of the pipeline's masks, as in a
                test on clips.

        Returns:
            list[SegDataSample]: A sample for each frame of the clips, in
            order.
        """
        return self.model.test_step(clip_collate(self.pack(clips, size=size)))

    def pack(
        self, clips: Sequence[Clip], *, size: tuple[int, ...] | None = None
    ) -> list[dict]:
        """Apply the test pipeline to clips.

        Args:
            clips (Sequence[Clip]): See :meth:`run`.
            size (tuple[int, ...] | None): See the same.

        Returns:
            list[dict]: ``inputs`` and ``data_samples`` of each clip.
        """
        inputs = [self._read(clip) for clip in clips]
        if self.stage_one is not None:
            logits = stack_logits(self.stage_one.run(clips))
            masks = grey_masks(logits, soft=self.soft_prior)
            prior = masks.astype(np.float32) / 255
            rows = np.cumsum([len(clip.frames) for clip in clips])[:-1]
            for item, own in zip(inputs, np.split(prior, rows), strict=True):
                item['mask_prior'] = own
        packed = [self.pipeline(item) for item in inputs]
        if size is not None:
            for clip in packed:
                for sample in clip['data_samples']:
                    sample.set_metainfo(dict(ori_shape=tuple(size)))
        return packed

    def _read(self, clip: Clip) -> dict:
        """Make the input of the pipeline."""
        return dict(
            clip_id=clip.name,
            num_frames=len(clip.frames),
            frames=clip.frames,
            frame_paths=[None] * len(clip.frames),
            waveform=Waveform.from_samples(
                clip.sound,
                clip.sample_rate,
                **self.waveform_cfg,
                origin=f'sound of {clip.name}',
            ),
        )


def _read_config(config: str | Path | Config | None) -> Config | None:
    """Read a config if it is not read yet, and check its entries."""
    if isinstance(config, (str, Path)):
        config = read_config(config)
    if config is not None:
        check_entries(config, 'model', 'test_dataloader')
    return config


def _check_options(backend: Backend, device: str, compiled: bool) -> None:
    """Check the options that only PyTorch has."""
    if backend not in BACKENDS:
        raise ValueError(f'backend must be in {BACKENDS}, got {backend!r}.')
    if device != 'cpu' or compiled:
        raise ValueError(
            f"backend {backend!r} needs device='cpu' and compiled=False, got "
            f'{device!r} and {compiled}.'
        )


def stack_logits(results: list[SegDataSample]) -> Tensor:
    """Stack the logits of T samples: (T, C, h, w)."""
    return torch.stack([result.seg_logits.data for result in results])


def score(logits: Tensor) -> Tensor:
    """Compute the score of not being background.

    Args:
        logits (Tensor): (T, C, H, W).

    Returns:
        Tensor: (T, H, W) in [0, 1].
    """
    if logits.shape[1] <= 2:
        return sounding_score(logits)
    return 1 - logits.softmax(1)[:, 0]

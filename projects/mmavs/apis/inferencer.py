"""Segment the sounding objects of frames with sound, or of a video."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ..checkpoint import (
    check_finite,
    describe_misfit,
    forbid_downloads,
    get_weights,
    load_from_local,
)
from ..config_file import check_entries, read_config
from ..datasets import build_unread
from ..datasets.transforms import Waveform, clip_collate
from ..evaluation.functional import sounding_score
from ..evaluation.mask_dump import grey_masks
from ..video import ScannedVideo, iter_seconds, scan_video

#: Transforms that read a data set's files. They are not used here, because
#: frames and sound are given.
_LOADERS = (
    'LoadClipFrames',
    'LoadClipMasks',
    'LoadMaskPrior',
    'LoadWaveform',
)


#: Config and checkpoint of stage one, whose masks stage two uses.
StageOne = tuple[str | Path | Config, str | Path]


class ClipPrediction(NamedTuple):
    """Masks of T consecutive seconds, at the size of the frames.

    Attributes:
        masks (np.ndarray): (T, H, W) uint8 class ids, 0 is background.
        scores (np.ndarray): (T, H, W) float32 in [0, 1], the score of a pixel
            for being part of a sounding object.
        first_second (int): Second of the video at row 0.
    """

    masks: np.ndarray
    scores: np.ndarray
    first_second: int = 0


class AVSInferencer:
    """Run a trained model on frames and sound of any length.

    Inputs are processed by the transforms of the config's test pipeline.
    Input that is longer than ``clip_seconds`` is divided into windows of that
    length, and each window is processed with its part of the sound. This
    limits the drift between sound and picture: an example of VGGish covers
    0.96 s, not 1 s, so they drift apart by 0.04 s per second of a window. The
    last window overlaps the one before it so that it is full, and only its
    new seconds are kept.

    A model of stage two (its test pipeline has ``LoadMaskPrior``) uses the
    masks that a model of stage one predicts for the same window. These equal
    masks that ``tools/test.py --dump-masks`` writes and stage two reads.

    ``classes`` and ``palette`` hold the name and the RGB colour of each class
    id.

    The class does not derive from mmengine's ``BaseInferencer``, whose inputs
    are independent images that are collected in memory: here frames and sound
    are processed together, windows are cut from a stream, and stage two needs
    the masks of stage one.

    Args:
        config (str | Path | Config): Config of the model.
        checkpoint (str | Path): Its weights, opened safely.
        device (str): Such as ``'cpu'`` or ``'cuda:0'``.
        clip_seconds (int | None): Length of the windows. Defaults to None:
            ``usual_num_frames`` of the config's test data set.
        stage_one (StageOne | None): Config and checkpoint of stage one.
            Required for a model of stage two, not allowed for others.
        soft_prior (bool): Give stage two scores instead of hard masks, as
            ``--dump-masks`` with ``--soft``.

    Raises:
        FileNotFoundError: If a config or a checkpoint is missing.
        ValueError: If a checkpoint is of another model, the device is not
            available, ``clip_seconds`` is not positive, ``stage_one`` is
            missing or not allowed, or it has more than two classes.
    """

    def __init__(
        self,
        config: str | Path | Config,
        checkpoint: str | Path,
        *,
        device: str = 'cpu',
        clip_seconds: int | None = None,
        stage_one: StageOne | None = None,
        soft_prior: bool = False,
    ) -> None:
        if not isinstance(config, Config):
            config = read_config(config)
        check_entries(config, 'model', 'test_dataloader')
        dataset = config.test_dataloader.dataset
        init_default_scope(config.get('default_scope', 'mmseg'))
        facts = build_unread(dataset)
        if clip_seconds is None:
            clip_seconds = facts.usual_num_frames
        if clip_seconds < 1:
            raise ValueError(
                f'clip_seconds must be at least 1, got {clip_seconds}.'
            )
        self.clip_seconds = clip_seconds
        self.classes = facts.metainfo['classes']
        self.palette = facts.metainfo['palette']
        self.waveform_cfg, self.pipeline = _build_pipeline(dataset.pipeline)
        _check_stage(config, stage_one)
        self.soft_prior = soft_prior
        self.stage_one: AVSInferencer | None = None
        if stage_one is not None:
            self.stage_one = AVSInferencer(
                *stage_one, device=device, clip_seconds=clip_seconds
            )
            _check_binary(stage_one[0], self.stage_one.classes)
        self.model = _load_model(config, checkpoint, device)

    def __call__(
        self,
        frames: Sequence[np.ndarray] | np.ndarray,
        waveform: np.ndarray,
        sample_rate: int,
    ) -> ClipPrediction:
        """Segment T frames, one per second of sound.

        Args:
            frames (Sequence[np.ndarray] | np.ndarray): T times (H, W, 3)
                uint8, RGB.
            waveform (np.ndarray): (S,) float in [-1, 1], mono; starts at
                second 0 and ends within or after the last second.
            sample_rate (int): Samples per second.

        Returns:
            ClipPrediction: T masks and scores.

        Raises:
            ValueError: If frames or sound have another form.
        """
        _check_clip(frames, waveform, sample_rate)
        parts = list(self._predict_windows(frames, waveform, sample_rate))
        return ClipPrediction(
            masks=np.concatenate([part.masks for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
        )

    def segment_video(
        self, video: str | Path | ScannedVideo
    ) -> Iterator[ClipPrediction]:
        """Segment the frame of each second of a video, window by window.

        Only one window of frames is held in memory.

        Args:
            video (str | Path | ScannedVideo): A file, or the result of
                ``scan_video`` for it.

        Yields:
            ClipPrediction: The next seconds. Each second is in exactly one
            prediction.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: See ``scan_video``; also if the sound is shorter than
                one example of the model.
        """
        if not isinstance(video, ScannedVideo):
            video = scan_video(video)
        yield from self._predict_windows(
            iter_seconds(video.facts),
            video.waveform,
            video.facts.sound_rate,
            name=video.facts.path.name,
        )

    def _predict_windows(
        self,
        frames: Iterable[np.ndarray],
        waveform: np.ndarray,
        sample_rate: int,
        *,
        name: str = 'the clip',
    ) -> Iterator[ClipPrediction]:
        """Predict whenever a window is full, and at the end."""
        window: deque[np.ndarray] = deque(maxlen=self.clip_seconds)
        num_seen = num_done = 0

        def predict() -> ClipPrediction:
            first = num_seen - len(window)
            part = self._predict_clip(
                np.stack(window),
                waveform[first * sample_rate : num_seen * sample_rate],
                sample_rate,
                name=f'{name} from second {first}',
            )
            is_new = slice(num_done - first, None)
            return ClipPrediction(
                part.masks[is_new], part.scores[is_new], num_done
            )

        for frame in frames:
            window.append(frame)
            num_seen += 1
            if num_seen - num_done == self.clip_seconds:
                yield predict()
                num_done = num_seen
        if num_done < num_seen:
            yield predict()

    def _predict_clip(
        self,
        frames: np.ndarray,
        sound: np.ndarray,
        sample_rate: int,
        *,
        name: str,
    ) -> ClipPrediction:
        """Predict one window at the size of its frames."""
        size = frames.shape[1:3]
        results = self._run(frames, sound, sample_rate, name=name, size=size)
        masks = torch.cat([result.pred_sem_seg.data for result in results])
        return ClipPrediction(
            masks=masks.to('cpu', torch.uint8).numpy(),
            scores=_score(_stack_logits(results)).cpu().numpy(),
        )

    @torch.no_grad()
    def _run(
        self,
        frames: np.ndarray,
        sound: np.ndarray,
        sample_rate: int,
        *,
        name: str,
        size: tuple[int, ...] | None = None,
    ) -> list[SegDataSample]:
        """Run the model on one window.

        Without ``size``, results have the size of the pipeline's masks, as in
        a test on clips.
        """
        inputs = dict(
            clip_id=name,
            num_frames=len(frames),
            frames=frames,
            frame_paths=[None] * len(frames),
            waveform=Waveform.from_samples(
                sound,
                sample_rate,
                **self.waveform_cfg,
                origin=f'sound of {name}',
            ),
        )
        if self.stage_one is not None:
            results = self.stage_one._run(
                frames, sound, sample_rate, name=name
            )
            masks = grey_masks(_stack_logits(results), soft=self.soft_prior)
            inputs['mask_prior'] = masks.astype(np.float32) / 255
        clip = self.pipeline(inputs)
        if size is not None:
            for sample in clip['data_samples']:
                sample.set_metainfo(dict(ori_shape=tuple(size)))
        return self.model.test_step(clip_collate([clip]))


def _build_pipeline(pipeline: Sequence[dict]) -> tuple[dict, Compose]:
    """Build a test pipeline without the transforms that read files.

    Returns:
        tuple[dict, Compose]: The arguments of ``LoadWaveform``, for
        ``Waveform.from_samples``; the other transforms.
    """
    waveform_cfg, kept = {}, []
    for transform in pipeline:
        if transform['type'] == 'LoadWaveform':
            waveform_cfg = {k: v for k, v in transform.items() if k != 'type'}
        if 'cache_dir' in transform:
            # Do not fill the data set's cache with windows of videos.
            transform = {**transform, 'cache_dir': None}
        if transform['type'] not in _LOADERS:
            kept.append(transform)
    return waveform_cfg, Compose(kept)


def _check_stage(config: Config, stage_one: StageOne | None) -> None:
    """Raise ValueError if stage one is missing, or given without need."""
    pipeline = config.test_dataloader.dataset.pipeline
    needs_one = any(step['type'] == 'LoadMaskPrior' for step in pipeline)
    if needs_one and stage_one is None:
        raise ValueError(
            f'{_name(config)} is a model of stage two and needs the masks of '
            'a first stage: give stage_one=(CONFIG, CHECKPOINT), or '
            '--stage-one CONFIG CHECKPOINT to tools/segment_video.py.'
        )
    if stage_one is not None and not needs_one:
        raise ValueError(
            f'{_name(config)} takes no masks of a first stage (its test '
            'pipeline has no LoadMaskPrior); remove stage_one (--stage-one), '
            'or give the config of stage two.'
        )


def _check_binary(config: str | Path | Config, classes: Sequence[str]) -> None:
    if len(classes) > 2:
        raise ValueError(
            'stage one must be a binary model (sounding or not), but the '
            f'config {_name(config)} has {len(classes)} classes.'
        )


def _name(config: str | Path | Config) -> str:
    return str(config.filename if isinstance(config, Config) else config)


def _load_model(
    config: Config, checkpoint: str | Path, device: str
) -> BaseModel:
    """Build the model and load all of its weights."""
    if device.startswith('cuda') and not torch.cuda.is_available():
        raise ValueError(
            f'device {device!r} needs a GPU that this PyTorch can use, found '
            "none; use device='cpu'."
        )
    try:
        torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"expected a device such as 'cpu' or 'cuda:0', got {device!r}."
        ) from error
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'{checkpoint}: expected a checkpoint file, found none; train one '
            'with tools/train.py or convert a published one.'
        )
    model = revert_sync_batchnorm(MODELS.build(config.model))
    try:
        # Not strict, mmengine only warns and segments with random weights.
        with forbid_downloads():
            content = load_checkpoint(
                model, str(checkpoint), map_location='cpu', strict=True
            )
    except RuntimeError as error:
        content = load_from_local(str(checkpoint), map_location='cpu')
        raise ValueError(
            f'{checkpoint}: expected the weights of the model of '
            f'{config.filename}, got others; give the config that the '
            f'checkpoint was trained with. {describe_misfit(model, content)}'
        ) from error
    check_finite(get_weights(content), str(checkpoint))
    return model.to(device).eval()


def _stack_logits(results: list[SegDataSample]) -> Tensor:
    """T results -> (T, C, h, w)."""
    return torch.stack([result.seg_logits.data for result in results])


def _score(logits: Tensor) -> Tensor:
    """(T, C, H, W) logits -> (T, H, W) score of not being background."""
    if logits.shape[1] <= 2:
        return sounding_score(logits)
    return 1 - logits.softmax(1)[:, 0]


def _check_clip(
    frames: Sequence[np.ndarray] | np.ndarray,
    waveform: np.ndarray,
    sample_rate: int,
) -> None:
    """Raise ValueError unless frames and sound have the documented form."""
    shapes = {(frame.shape, str(frame.dtype)) for frame in frames}
    shape, dtype = next(iter(shapes), ((), ''))
    if len(shapes) != 1 or shape[2:] != (3,) or dtype != 'uint8':
        raise ValueError(
            'expected at least one frame, all (H, W, 3) uint8 of one size, '
            f'got {sorted(shapes)}.'
        )
    if waveform.ndim != 1 or waveform.dtype.kind != 'f':
        raise ValueError(
            'expected a mono waveform (S,) of floats in [-1, 1], got '
            f'{waveform.shape} {waveform.dtype}; take the mean of the '
            'channels and divide 16-bit samples by 32768.'
        )
    seconds = len(waveform) / sample_rate
    if not len(frames) - 1 < seconds:
        raise ValueError(
            f'expected sound for each of the {len(frames)} frames, one per '
            f'second, got {seconds:.2f} s.'
        )

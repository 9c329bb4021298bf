"""Segment the sounding objects of frames with sound, or of a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, get_args, overload

import numpy as np
from mmengine.config import Config

from ..engine import Precision
from ..video import (
    FRAME_OFFSET_SECONDS,
    MaskRate,
    MaskTimes,
    NoAudio,
    ScannedVideo,
    VideoFacts,
    iter_frames,
    scan_video,
)
from ..visualization import ClipPicture
from .attention import attention_picture
from .clip_in_memory import FramesAndSound, check_clip, clip_facts
from .clip_model import ClipModel
from .export import Backend
from .model_loading import StageOne
from .prediction import ClipPrediction, in_order
from .video_prediction import VideoPrediction
from .windows import Sound, SoundWindow, Window, cut_windows


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
        config (str | Path | Config | None): Config of the model: a file, or
            the name of one that mmavs has, without ``.py``. May be None for
            an exported network, which contains it.
        checkpoint (str | Path): Its weights, opened safely; for a backend
            other than PyTorch the file that ``tools/export.py`` wrote.
        device (str): Such as ``'cpu'`` or ``'cuda:0'``.
        clip_seconds (int | None): Length of the windows. Defaults to None:
            ``usual_num_frames`` of the config's test data set, or T of the
            exported network.
        stage_one (StageOne | None): Config and checkpoint of stage one.
            Required for a model of stage two, not allowed for others.
        soft_prior (bool): Give stage two scores instead of hard masks, as
            ``--dump-masks`` with ``--soft``.
        precision (Precision): Type in which the networks compute:
            ``'float32'``, or ``'bfloat16'`` or ``'float16'``, which change a
            few pixels: by autocast in PyTorch, by a hint in OpenVINO. ONNX
            Runtime computes in float32 only.
        compiled (bool): Compile the networks with ``torch.compile``, which
            takes minutes at the first clip of each length.
        backend (Backend): What computes the network: ``'pytorch'``, or
            ``'onnxruntime'`` or ``'openvino'`` on the CPU.

    Raises:
        FileNotFoundError: If a config or a checkpoint is missing.
        ValueError: If a checkpoint is of another model, the device is not
            available, ``clip_seconds`` is not positive, ``stage_one`` is
            missing or not allowed, or it has more than two classes,
            ``precision`` is unknown, the backend does not compute with it on
            this CPU, or an exported network is one of another config.
        ImportError: If the package of the backend is missing.
    """

    def __init__(
        self,
        config: str | Path | Config | None,
        checkpoint: str | Path,
        *,
        device: str = 'cpu',
        clip_seconds: int | None = None,
        stage_one: StageOne | None = None,
        soft_prior: bool = False,
        precision: Precision = 'float32',
        compiled: bool = False,
        backend: Backend = 'pytorch',
    ) -> None:
        if clip_seconds is not None and clip_seconds < 1:
            raise ValueError(
                f'clip_seconds must be at least 1, got {clip_seconds}.'
            )
        self._clip_model = ClipModel(
            config,
            checkpoint,
            device=device,
            stage_one=stage_one,
            soft_prior=soft_prior,
            precision=precision,
            compiled=compiled,
            backend=backend,
        )
        self.model = self._clip_model.model
        self.classes = self._clip_model.classes
        self.palette = self._clip_model.palette
        if clip_seconds is None:
            clip_seconds = self._clip_model.usual_num_frames
        self.clip_seconds = clip_seconds

    @overload
    def __call__(
        self,
        inputs: Sequence[np.ndarray] | np.ndarray,
        waveform: np.ndarray,
        sample_rate: int,
    ) -> ClipPrediction: ...

    @overload
    def __call__(
        self,
        inputs: Sequence[str | Path],
        *,
        no_audio: NoAudio = ...,
        **options: Any,
    ) -> list[VideoPrediction]: ...

    @overload
    def __call__(
        self,
        inputs: str | Path | ScannedVideo | FramesAndSound,
        *,
        no_audio: NoAudio = ...,
        **options: Any,
    ) -> VideoPrediction: ...

    def __call__(
        self,
        inputs: Any,
        waveform: np.ndarray | None = None,
        sample_rate: int | None = None,
        *,
        no_audio: NoAudio = 'error',
        **options: Any,
    ) -> Any:
        """Segment a video, several videos, or frames with their sound.

        All masks are kept in memory; for a long video use
        :meth:`segment_video`.

        Args:
            inputs (Any): A video file, or the result of ``scan_video`` for
                it; a sequence of files; or (frames, waveform, sample_rate),
                as one tuple or as three arguments. Frames are T times
                (H, W, 3) uint8, RGB, one per second.
            waveform (np.ndarray | None): (S,) float in [-1, 1], mono; starts
                at second 0 and ends within or after the last second.
            sample_rate (int | None): Samples per second.
            no_audio (NoAudio): See ``scan_video``.
            options (Any): ``mask_rate``, ``sound_window`` and ``batch_size``
                of :meth:`segment_video`, for videos.

        Returns:
            Any: A :class:`VideoPrediction`, or a list of them for a sequence
            of files; for three arguments, a :class:`ClipPrediction`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If frames or sound have another form, or see
                :meth:`segment_video`.
        """
        if waveform is not None and sample_rate is not None:
            return self._segment_clip(inputs, waveform, sample_rate)
        if isinstance(inputs, (str, Path, ScannedVideo)):
            return self._segment_whole(inputs, no_audio, options)
        if len(inputs) == 3 and isinstance(inputs[1], np.ndarray):
            if options:
                raise ValueError(
                    f'{sorted(options)}: expected no options with frames in '
                    'memory, which are one per second; give a video file.'
                )
            clip = self._segment_clip(*inputs)
            return self._describe(clip.masks, clip.scores, clip_facts(*inputs))
        return [
            self._segment_whole(video, no_audio, options) for video in inputs
        ]

    def _segment_whole(
        self,
        video: str | Path | ScannedVideo,
        no_audio: NoAudio,
        options: dict[str, Any],
    ) -> VideoPrediction:
        """Collect all masks of a video."""
        if not isinstance(video, ScannedVideo):
            video = scan_video(video, no_audio=no_audio)
        parts = list(self.segment_video(video, **options))
        return self._describe(
            np.concatenate([part.masks for part in parts]),
            np.concatenate([part.scores for part in parts]),
            video.facts,
            options.get('mask_rate', 1),
        )

    def _describe(
        self,
        masks: np.ndarray,
        scores: np.ndarray,
        facts: VideoFacts,
        mask_rate: MaskRate = 1,
    ) -> VideoPrediction:
        return VideoPrediction(
            masks=masks,
            scores=scores,
            facts=facts,
            times=MaskTimes(facts, mask_rate),
            classes=self.classes,
            palette=self.palette,
        )

    def _segment_clip(
        self,
        frames: Sequence[np.ndarray] | np.ndarray,
        waveform: np.ndarray,
        sample_rate: int,
    ) -> ClipPrediction:
        """Segment T frames, one per second of sound."""
        check_clip(frames, waveform, sample_rate)
        windows = cut_windows(
            frames,
            (second + FRAME_OFFSET_SECONDS for second in count()),
            length=self.clip_seconds,
        )
        size = frames[0].shape[:2]
        sound = Sound(waveform, sample_rate)
        parts = list(in_order(self._clip_model.predict(windows, sound, size)))
        return ClipPrediction(
            masks=np.concatenate([part.masks for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
        )

    def segment_video(
        self,
        video: str | Path | ScannedVideo,
        *,
        mask_rate: MaskRate = 1,
        sound_window: SoundWindow = 'second',
        batch_size: int = 1,
    ) -> Iterator[ClipPrediction]:
        """Segment a video at one or more times per second.

        The masks are those of ``MaskTimes(video.facts, mask_rate)``, in
        order. At one mask per second, only one window of frames is held in
        memory. At N masks per second, frames at the size of the model's input
        and about ``N * clip_seconds`` masks and scores are held, 5 bytes per
        pixel each. Each frame passes through the model once; only the last
        windows repeat up to ``clip_seconds - 1`` seconds.

        Args:
            video (str | Path | ScannedVideo): A file, or the result of
                ``scan_video`` for it.
            mask_rate (MaskRate): Masks per second, or ``'full'``. With the
                default sound window, the masks of rate 1 are among those of
                every rate.
            sound_window (SoundWindow): Which second of sound a frame gets.
                ``'second'``: the one in which it is displayed, the same as at
                one mask per second. ``'centred'``: the one around it.
            batch_size (int): Number of windows that the model processes
                together.

        Yields:
            ClipPrediction: The next masks.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: See ``scan_video``; also if an argument is out of
                range, or the sound is shorter than one example of the model.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size must be positive, got {batch_size}.')
        if sound_window not in get_args(SoundWindow):
            raise ValueError(
                f'sound_window must be in {get_args(SoundWindow)}, got '
                f'{sound_window!r}.'
            )
        if not isinstance(video, ScannedVideo):
            video = scan_video(video)
        facts = video.facts
        windows, sound = self._cut(video, mask_rate, sound_window)
        size = (facts.height, facts.width)
        yield from in_order(
            self._clip_model.predict(windows, sound, size, batch_size)
        )

    def _cut(
        self,
        video: ScannedVideo,
        mask_rate: MaskRate = 1,
        sound_window: SoundWindow = 'second',
    ) -> tuple[Iterator[Window], Sound]:
        """Windows of a video, and its sound."""
        facts = video.facts
        times = MaskTimes(facts, mask_rate)
        frames = map(self._clip_model.shrink, iter_frames(facts, times))
        windows = cut_windows(frames, times, length=self.clip_seconds)
        sound = Sound(
            video.waveform,
            facts.sound_rate,
            name=facts.path.name,
            align=sound_window,
        )
        return windows, sound

    def draw_attention(self, video: str | Path | ScannedVideo) -> ClipPicture:
        """Draw where the model's queries look in the first window of a video.

        Args:
            video (str | Path | ScannedVideo): See :meth:`segment_video`; one
                frame per second is used.

        Returns:
            ClipPicture: With prediction, sound and, layer by layer, the
            attention of the queries; for ``draw_contact_sheet``.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: See :meth:`segment_video`; also if the model has no
                queries that attend to pixels.
        """
        if not isinstance(video, ScannedVideo):
            video = scan_video(video)
        windows, sound = self._cut(video)
        return attention_picture(
            self._clip_model, sound.clip_of(next(windows))
        )

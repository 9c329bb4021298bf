"""Draw contact sheets while a model is validated or tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmavs.datasets.front_end import find_front_end
from mmavs.datasets.metainfo import get_metainfo
from mmavs.datasets.transforms import AudioFrontEnd
from mmavs.evaluation.clip_ids import stack_ids, stack_pred_ids
from mmavs.evaluation.clip_logits import stack_logits, stack_truth
from mmavs.evaluation.clip_metric import group_frames
from mmavs.evaluation.functional import frame_iou, sounding_mask
from mmavs.evaluation.semantic_functional import count_class_areas, frame_miou
from mmavs.visualization import ClipPicture, draw_contact_sheet


@HOOKS.register_module()
class AVSVisualizationHook(Hook):
    """Write ``<show_dir>/<subset>_<clip_id>.png`` for predicted clips.

    The choice of clips depends only on their index in the dataset, so any
    number of processes draws the same clips. Masks and IoU are computed as in
    the metrics; frames are those of the pipeline, before normalisation. The
    ``AudioFrontEnd`` of the dataset's pipeline defines how its rows are
    drawn; without one the sheets show no audio. With more than two classes,
    the sheets use the dataset's colours and class names, and the IoU of a
    frame is the mean over the classes in its prediction or truth.

    Args:
        show_dir (str): Folder of the pictures.
        interval (int): Draw every ``interval``-th clip of the dataset.
        max_clips (int | None): Maximum number of clips; None draws all.

    Raises:
        ValueError: If ``interval`` or ``max_clips`` is below 1.
    """

    def __init__(
        self,
        show_dir: str,
        *,
        interval: int = 1,
        max_clips: int | None = None,
    ) -> None:
        if interval < 1 or (max_clips is not None and max_clips < 1):
            raise ValueError(
                'interval and max_clips must be at least 1, got '
                f'interval={interval} and max_clips={max_clips}.'
            )
        self.show_dir = Path(show_dir)
        self.interval = interval
        self.max_clips = max_clips
        self._metainfo = get_metainfo('binary')
        self._front_end: AudioFrontEnd | None = None

    def before_val_epoch(self, runner: Runner) -> None:
        """Read classes, palette and audio front end from the dataset.

        Args:
            runner (Runner): With a ``val_dataloader``.
        """
        self._read_dataset(runner.val_dataloader.dataset)

    def before_test_epoch(self, runner: Runner) -> None:
        """Read classes, palette and audio front end from the dataset.

        Args:
            runner (Runner): With a ``test_dataloader``.
        """
        self._read_dataset(runner.test_dataloader.dataset)

    def _read_dataset(self, dataset: Any) -> None:
        self._metainfo = dataset.metainfo
        self._front_end = find_front_end(dataset)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw the clips of one batch of validation or testing.

        Args:
            runner (Runner): Not used.
            batch_idx (int): Not used.
            data_batch (dict | None): The packed clips as collated.
            outputs (Sequence[SegDataSample] | None): N predicted frames.
        """
        self.draw_batch(data_batch, outputs)

    after_test_iter = after_val_iter

    def draw_batch(
        self,
        data_batch: dict | None,
        outputs: Sequence[SegDataSample] | None,
    ) -> None:
        """Draw the clips of a batch that the options select.

        Args:
            data_batch (dict | None): ``inputs`` holds B clips of ``frames``
                uint8 (T, 3, H, W) and ``audio`` (T, ...).
            outputs (Sequence[SegDataSample] | None): Their N frames, clip
                after clip, with ``seg_logits``.

        Raises:
            ValueError: If inputs and outputs differ in number of clips.
        """
        if data_batch is None or outputs is None:
            raise ValueError(
                'AVSVisualizationHook needs data_batch and outputs; use '
                "mmengine's ValLoop and TestLoop."
            )
        clips = group_frames([sample.to_dict() for sample in outputs])
        inputs = data_batch['inputs']
        if len(clips) != len(inputs['frames']):
            raise ValueError(
                f'expected one prediction per clip, got {len(clips)} for '
                f'{len(inputs["frames"])} clips.'
            )
        for clip, frames, audio in zip(
            clips, inputs['frames'], inputs['audio'], strict=True
        ):
            if self._is_chosen(clip[0]['sample_idx']):
                self._draw_clip(clip, frames, audio)

    def _is_chosen(self, sample_idx: int) -> bool:
        place, rest = divmod(sample_idx, self.interval)
        return rest == 0 and (self.max_clips is None or place < self.max_clips)

    def _draw_clip(
        self, clip: list[dict], frames: Tensor, audio: Tensor
    ) -> None:
        """Draw one clip from its samples and its packed inputs."""
        first = clip[0]
        name = f'{first["subset"]}_{first["clip_id"]}'
        title = f'{first["subset"]} / {first["clip_id"]}'
        classes, palette = None, None
        if len(self._metainfo['classes']) > 2:
            classes = self._metainfo['classes']
            palette = self._metainfo['palette']
            masks = _semantic_masks(clip, num_classes=len(classes))
        else:
            masks = _binary_masks(clip)
        if masks.frame_iou is not None:
            title = f'{title}    mean IoU {np.mean(masks.frame_iou):.3f}'
        sound, spans = None, None
        if self._front_end is not None:
            sound = self._front_end.picture(audio.cpu().numpy())
            spans = [frame['audio_span'] for frame in clip]
        picture = ClipPicture(
            title=title,
            # (T, 3, H, W) -> (T, H, W, 3)
            frames=frames.permute(0, 2, 3, 1).cpu().numpy(),
            prediction=masks.prediction.cpu().numpy(),
            audio=sound,
            audio_spans=spans,
            truth=None if masks.truth is None else masks.truth.cpu().numpy(),
            frame_iou=masks.frame_iou,
            classes=classes,
            palette=palette,
        )
        draw_contact_sheet(picture, self.show_dir / f'{name}.png')


class _Masks(NamedTuple):
    """Prediction and, with labels, truth and IoU of T frames."""

    prediction: Tensor
    truth: Tensor | None = None
    frame_iou: list[float] | None = None


def _binary_masks(clip: Sequence[dict]) -> _Masks:
    """Masks (T, h, w) bool of sounding pixels, as in the metrics."""
    prediction = sounding_mask(stack_logits(clip))
    if 'gt_sem_seg' not in clip[0]:
        return _Masks(prediction)
    truth = stack_truth(clip)
    return _Masks(prediction, truth, frame_iou(prediction, truth).tolist())


def _semantic_masks(clip: Sequence[dict], *, num_classes: int) -> _Masks:
    """Masks (T, h, w) of class ids."""
    if 'gt_sem_seg' not in clip[0]:
        return _Masks(stack_pred_ids(clip, num_classes=num_classes))
    pred, truth = stack_ids(clip, num_classes=num_classes)
    areas = count_class_areas(pred, truth, num_classes=num_classes)
    return _Masks(pred, truth, frame_miou(areas).tolist())

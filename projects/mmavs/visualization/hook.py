"""Draw contact sheets while a model is validated or tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmavs.evaluation.clip_logits import stack_logits, stack_truth
from mmavs.evaluation.clip_metric import group_frames
from mmavs.evaluation.functional import frame_iou, sounding_mask

from .contact_sheet import ClipPicture, draw_contact_sheet


@HOOKS.register_module()
class AVSVisualizationHook(Hook):
    """Write ``<show_dir>/<subset>_<clip_id>.png`` for predicted clips.

    Which clips are drawn follows from their place in the dataset alone, so
    any number of processes draws the same ones. Masks and IoU are those of
    the metrics; the frames are the pipeline's, before normalisation.

    Args:
        show_dir (str): Folder of the pictures.
        interval (int): Draw every ``interval``-th clip of the dataset.
        max_clips (int | None): Draw at most so many clips; None for all.

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

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw the clips of one batch of validation.

        Args:
            runner (Runner): Not used.
            batch_idx (int): Not used.
            data_batch (dict | None): The packed clips as collated.
            outputs (Sequence[SegDataSample] | None): N predicted frames.
        """
        self.draw_batch(data_batch, outputs)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw the clips of one batch of testing.

        Args:
            runner (Runner): Not used.
            batch_idx (int): Not used.
            data_batch (dict | None): The packed clips as collated.
            outputs (Sequence[SegDataSample] | None): N predicted frames.
        """
        self.draw_batch(data_batch, outputs)

    def draw_batch(
        self,
        data_batch: dict | None,
        outputs: Sequence[SegDataSample] | None,
    ) -> None:
        """Draw those clips of a batch that the options choose.

        Args:
            data_batch (dict | None): ``inputs`` holds B clips of ``frames``
                uint8 (T, 3, H, W) and ``log_mel`` (T, 1, 96, 64).
            outputs (Sequence[SegDataSample] | None): Their N frames, clip
                after clip, with ``seg_logits``.

        Raises:
            ValueError: If inputs and outputs are not of the same clips.
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
        for clip, frames, log_mel in zip(
            clips, inputs['frames'], inputs['log_mel'], strict=True
        ):
            if self._is_chosen(clip[0]['sample_idx']):
                self._draw_clip(clip, frames, log_mel)

    def _is_chosen(self, sample_idx: int) -> bool:
        place, rest = divmod(sample_idx, self.interval)
        return rest == 0 and (self.max_clips is None or place < self.max_clips)

    def _draw_clip(
        self, clip: list[dict], frames: Tensor, log_mel: Tensor
    ) -> None:
        """Draw one clip from its samples and its packed inputs."""
        first = clip[0]
        name = f'{first["subset"]}_{first["clip_id"]}'
        title = f'{first["subset"]} / {first["clip_id"]}'
        prediction = sounding_mask(stack_logits(clip))
        truth, iou = None, None
        if 'gt_sem_seg' in first:
            target = stack_truth(clip)
            iou = frame_iou(prediction, target).tolist()
            truth = target.cpu().numpy()
            title = f'{title}    mean IoU {np.mean(iou):.3f}'
        picture = ClipPicture(
            title=title,
            # (T, 3, H, W) -> (T, H, W, 3)
            frames=frames.permute(0, 2, 3, 1).cpu().numpy(),
            prediction=prediction.cpu().numpy(),
            log_mel=log_mel[:, 0].cpu().numpy(),
            truth=truth,
            frame_iou=iou,
        )
        draw_contact_sheet(picture, self.show_dir / f'{name}.png')

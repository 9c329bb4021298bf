"""Draw contact sheets while a model is validated or tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmavs.datasets.front_end import find_front_end
from mmavs.datasets.metainfo import get_metainfo
from mmavs.datasets.transforms import AudioFrontEnd
from mmavs.evaluation.clip_metric import group_frames
from mmavs.visualization import (
    ClipPicture,
    draw_contact_sheet,
    render_contact_sheet,
)

from ..clip_picture import clip_picture, predicted_masks


@HOOKS.register_module()
class AVSVisualizationHook(Hook):
    """Draw predicted clips, to files or through mmengine's backends.

    With ``show_dir`` the sheets are ``<show_dir>/<subset>_<clip_id>.png``, and
    a later validation replaces them. Without, they are passed to the
    ``vis_backends`` of the config's visualizer (TensorBoard, W&B, local
    files) under the name ``<subset>_<clip_id>``, with the iteration of the
    training as the step. In a run of several processes, backends get the
    clips of the main process only.

    The choice of clips depends only on their index in the dataset, so any
    number of processes draws the same clips. Masks and IoU are computed as in
    the metrics; frames are those of the pipeline, before normalisation. The
    ``AudioFrontEnd`` of the dataset's pipeline defines how its rows are
    drawn; without one the sheets show no audio. With more than two classes,
    the sheets use the dataset's colours and class names, and the IoU of a
    frame is the mean over the classes in its prediction or truth.

    Args:
        show_dir (str | None): Folder of the pictures. Defaults to None:
            mmengine's backends.
        interval (int): Draw every ``interval``-th clip of the dataset.
        max_clips (int | None): Maximum number of clips; None draws all.

    Raises:
        ValueError: If ``interval`` or ``max_clips`` is below 1.
    """

    def __init__(
        self,
        show_dir: str | None = None,
        *,
        interval: int = 1,
        max_clips: int | None = None,
    ) -> None:
        if interval < 1 or (max_clips is not None and max_clips < 1):
            raise ValueError(
                'interval and max_clips must be at least 1, got '
                f'interval={interval} and max_clips={max_clips}.'
            )
        self.show_dir = None if show_dir is None else Path(show_dir)
        self.interval = interval
        self.max_clips = max_clips
        self._metainfo = get_metainfo('binary')
        self._front_end: AudioFrontEnd | None = None

    def before_val_epoch(self, runner: Runner) -> None:
        """Read classes, palette and audio front end from the dataset.

        Args:
            runner (Runner): With a ``val_dataloader``.

        Raises:
            ValueError: If there is neither a ``show_dir`` nor a backend.
        """
        self._prepare(runner, runner.val_dataloader.dataset)

    def before_test_epoch(self, runner: Runner) -> None:
        """Read classes, palette and audio front end from the dataset.

        Args:
            runner (Runner): With a ``test_dataloader``.

        Raises:
            ValueError: If there is neither a ``show_dir`` nor a backend.
        """
        self._prepare(runner, runner.test_dataloader.dataset)

    def _prepare(self, runner: Runner, dataset: Any) -> None:
        if self.show_dir is None and not runner.visualizer._vis_backends:
            raise ValueError(
                'AVSVisualizationHook needs a show_dir, or vis_backends in '
                "the config's visualizer, for example "
                "[dict(type='TensorboardVisBackend')]; got neither."
            )
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
            runner (Runner): Its visualizer draws if there is no
                ``show_dir``.
            batch_idx (int): Not used.
            data_batch (dict | None): The packed clips as collated.
            outputs (Sequence[SegDataSample] | None): N predicted frames.
        """
        for name, picture in self._pictures(data_batch, outputs):
            if self.show_dir is not None:
                draw_contact_sheet(picture, self.show_dir / f'{name}.png')
            else:
                image = render_contact_sheet(picture)
                runner.visualizer.add_image(name, image, step=runner.iter)

    after_test_iter = after_val_iter

    def _pictures(
        self,
        data_batch: dict | None,
        outputs: Sequence[SegDataSample] | None,
    ) -> Iterator[tuple[str, ClipPicture]]:
        """Yield name and contents of the clips that the options select.

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
        num_classes = len(self._metainfo['classes'])
        for place, clip in enumerate(clips):
            first = clip[0]
            if not self._is_chosen(first['sample_idx']):
                continue
            picture = clip_picture(
                {key: rows[place] for key, rows in inputs.items()},
                clip,
                predicted_masks(clip, num_classes=num_classes),
                metainfo=self._metainfo,
                front_end=self._front_end,
            )
            yield f'{first["subset"]}_{first["clip_id"]}', picture

    def _is_chosen(self, sample_idx: int) -> bool:
        place, rest = divmod(sample_idx, self.interval)
        return rest == 0 and (self.max_clips is None or place < self.max_clips)

"""Check stage one's masks before a run of stage two starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.utils.data import Dataset

from mmavs.datasets import BaseClipDataset, iter_datasets
from mmavs.datasets.folds import ClipKey, assign_folds, key_of
from mmavs.datasets.mask_directory import MaskDirectory
from mmavs.datasets.transforms import LoadMaskPrior


@HOOKS.register_module()
class MaskPriorCheckHook(Hook):
    """Check all predicted masks that the data sets will load.

    Before training, the hook checks the data sets of training and validation;
    before a validation or a test without training, the data set of that loop.
    Data sets inside wrappers such as ``RepeatDataset`` and ``ConcatDataset``
    are checked, too. Data sets whose ``mask_prior`` reads no files are
    skipped.

    Args:
        size (tuple[int, int] | None): (h, w) that every mask must have; None
            for any. Masks of another size would be resized, which changes
            the results from those of the paper.
        expect_checkpoint (str | Mapping[str, str] | None): SHA-256, or its
            first digits, of the stage-one checkpoint that must have made the
            masks, or one per subset (``dict(v1s=..., v1m=..., v2=...)``).
            None for any.
        expect_held_out (Mapping[str, Sequence[str]] | None): For training
            clips, instead of ``expect_checkpoint``: for each subset the
            SHA-256 of the K checkpoints that were trained without fold 0, 1,
            ..., K - 1 (``BaseClipDataset(fold=...)``). The masks of a fold
            must have been predicted by the checkpoint that was trained
            without it. None for masks that were not cross-fitted.
        expect_mode (str | None): 'hard' or 'soft' masks; None for any.
        any_sound (bool): Accept masks that were predicted with another
            ``sound_from`` than the data set's, for example to exchange the
            sounds in stage two alone. Such masks still carry the sound that
            stage one got.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] | None = None,
        expect_checkpoint: str | Mapping[str, str] | None = None,
        expect_held_out: Mapping[str, Sequence[str]] | None = None,
        expect_mode: str | None = None,
        any_sound: bool = False,
    ) -> None:
        self.size = size
        self.expect_mode = expect_mode
        self.expect_checkpoint = expect_checkpoint
        self.expect_held_out = dict(expect_held_out or {})
        self.any_sound = any_sound
        self._checked: list[BaseClipDataset] = []

    def before_train(self, runner: Runner) -> None:
        """Check what training and its validations read.

        Args:
            runner (Runner): The runner of the training process.

        Raises:
            FileNotFoundError: If an index or a mask is missing.
            ValueError: If a mask or the index is wrong, see
                ``MaskDirectory.check``, or if ``LoadMaskPrior`` is in
                the pipeline of a data set that is not a ``BaseClipDataset``.
        """
        self._check(runner.train_dataloader.dataset)
        if runner.val_loop is not None:
            self._check(runner.val_dataloader.dataset)

    def before_val(self, runner: Runner) -> None:
        """Check what a validation without training reads.

        Args:
            runner (Runner): The runner of the process.
        """
        self._check(runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        """Check what a test reads.

        Args:
            runner (Runner): The runner of the process.
        """
        self._check(runner.test_dataloader.dataset)

    def _check(self, dataset: Dataset) -> None:
        for inner in iter_datasets(dataset):
            if isinstance(inner, BaseClipDataset):
                self._check_clips(inner)
            elif _has_mask_prior(getattr(inner, 'pipeline', None)):
                raise ValueError(
                    'LoadMaskPrior is in the pipeline of a '
                    f'{type(inner).__name__}, whose masks cannot be checked; '
                    'expected a data set that derives from '
                    'mmavs.datasets.BaseClipDataset, see '
                    'docs/add_a_dataset.md.'
                )

    def _check_clips(self, dataset: BaseClipDataset) -> None:
        option = dataset.mask_prior
        if option is None or not option.reads_files:
            return
        if any(dataset is other for other in self._checked):
            return
        assert option.root is not None
        masks = MaskDirectory(option.root)
        for clips, checkpoint in self._expected(dataset):
            masks.check(
                clips,
                size=self.size,
                checkpoint=checkpoint,
                mode=self.expect_mode,
                any_sound=self.any_sound,
            )
        self._checked.append(dataset)

    def _expected(
        self, dataset: BaseClipDataset
    ) -> Iterator[tuple[list[dict], str | Mapping[str, str] | None]]:
        """Pair the clips with the checkpoint that must have made the masks."""
        held_out: dict[str, list[dict]] = {}
        others = []
        folds = self._folds(dataset)
        for clip in dataset.list_clips():
            if key_of(clip) in folds:
                checkpoint = folds[key_of(clip)]
                held_out.setdefault(checkpoint, []).append(clip)
            else:
                others.append(clip)
        for checkpoint, clips in held_out.items():
            yield clips, checkpoint
        if others:
            yield others, self.expect_checkpoint

    def _folds(self, dataset: BaseClipDataset) -> dict[ClipKey, str]:
        """Map training clips to the checkpoint trained without them."""
        if not self.expect_held_out:
            return {}
        found = {}
        # The folds depend on all clips, also on those that the data set's
        # option `indices` leaves out.
        clips = [c for c in dataset.load_clips() if c['split'] == 'train']
        for subset, checkpoints in self.expect_held_out.items():
            of_subset = [clip for clip in clips if clip['subset'] == subset]
            folds = assign_folds(of_subset, len(checkpoints))
            found.update({key: checkpoints[k] for key, k in folds.items()})
        return found


def _has_mask_prior(pipeline: Any) -> bool:
    """Look for the transform, also inside transforms that wrap others."""
    if isinstance(pipeline, LoadMaskPrior):
        return True
    inner = getattr(pipeline, 'transforms', pipeline)
    if not isinstance(inner, (list, tuple)):
        return False
    return any(_has_mask_prior(transform) for transform in inner)

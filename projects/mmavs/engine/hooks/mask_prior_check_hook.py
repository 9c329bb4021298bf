"""Refuse a stage two whose masks do not fit, before it costs anything."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.utils.data import Dataset

from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.mask_directory import check_mask_directory
from mmavs.datasets.transforms import LoadMaskPrior


@HOOKS.register_module()
class MaskPriorCheckHook(Hook):
    """Check all predicted masks that the data sets will ask for.

    Before the first step of a training those of training and validation,
    before a validation or a test of its own those of its data set. Data sets
    whose pipeline has no ``LoadMaskPrior(source='files')`` need no masks.

    Args:
        size (tuple[int, int] | None): (h, w) that every mask must have; None
            for any. Other sizes would be resized, to other numbers than
            those of the paper.
        expect_checkpoint (str | Mapping[str, str] | None): SHA-256, or its
            first digits, of the stage-one checkpoint that must have made the
            masks, or one per subset (``dict(v1s=..., v1m=..., v2=...)``).
            None for any.
        expect_mode (str | None): 'hard' or 'soft' masks; None for any.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] | None = None,
        expect_checkpoint: str | Mapping[str, str] | None = None,
        expect_mode: str | None = None,
    ) -> None:
        self.size = size
        self.expect_mode = expect_mode
        self.expect_checkpoint = expect_checkpoint
        self._checked: list[Dataset] = []

    def before_train(self, runner: Runner) -> None:
        """Check what training and its validations read.

        Args:
            runner (Runner): The runner of the training process.

        Raises:
            FileNotFoundError: If an index or a mask is missing.
            ValueError: If anything else is wrong with them, see
                :func:`check_mask_directory`; or if a data set has no
                ``data_prefix['mask_prior']`` to take masks from.
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
        if not isinstance(dataset, AVSBenchDataset) or not any(
            isinstance(transform, LoadMaskPrior)
            and transform.source == 'files'
            for transform in dataset.pipeline.transforms
        ):
            return
        if any(dataset is other for other in self._checked):
            return
        root = dataset.data_prefix.get('mask_prior')
        if root is None:
            raise ValueError(
                f'the {"+".join(dataset.splits)} data set has '
                "LoadMaskPrior(source='files') but no data_prefix=dict("
                'mask_prior=DIR); DIR is what tools/test.py '
                '--dump-masks wrote.'
            )
        check_mask_directory(
            root,
            [dataset.get_data_info(i) for i in range(len(dataset))],
            size=self.size,
            checkpoint=self.expect_checkpoint,
            mode=self.expect_mode,
        )
        self._checked.append(dataset)

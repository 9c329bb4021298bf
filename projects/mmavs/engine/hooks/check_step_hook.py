"""Check the batches, labels and loss of a run."""

from __future__ import annotations

import math
from collections.abc import Sized
from typing import Any, cast

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.utils.data import DataLoader

from mmavs.structures import UNLABELLED
from mmavs.training_step import iter_samples, not_finite

from ..model_wrapping import unwrap_model


@HOOKS.register_module()
class CheckStepHook(Hook):
    """Stop without batches, at labels of no class, and at a NaN loss.

    A data loader with ``drop_last=True`` gives no batch if the data set has
    fewer items than ``batch_size``; mmengine would end without a step.

    Labels are checked before they are moved to the GPU, and the loss is the
    value that mmengine has already read for its log, so neither check
    synchronises with the GPU. With mixed precision the loss is not checked,
    because the gradient scaler skips steps with infinite gradients.

    Raises:
        ValueError: If a data loader gives no batch, if a label is not below
            ``num_classes`` of the decode head, or if the loss of a training
            is NaN or infinite.
    """

    def before_train(self, runner: Runner) -> None:
        """Check that there are batches to train with.

        Args:
            runner (Runner): The runner of the training process.
        """
        _check_batches('train_dataloader', runner.train_dataloader)

    def before_val(self, runner: Runner) -> None:
        """Check that there are batches to validate with.

        Args:
            runner (Runner): The runner of the process.
        """
        _check_batches('val_dataloader', runner.val_dataloader)

    def before_test(self, runner: Runner) -> None:
        """Check that there are batches to test with.

        Args:
            runner (Runner): The runner of the process.
        """
        _check_batches('test_dataloader', runner.test_dataloader)

    def _before_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        mode: str = 'train',
    ) -> None:
        """Check the labels, before every step of training, validation, test.

        Args:
            runner (Runner): The runner of the process.
            batch_idx (int): Not used; part of mmengine's signature.
            data_batch (Any): Batch of the data loader; labels are checked if
                it is a dict with ``data_samples``.
            mode (str): Not used; a model of fewer classes cannot match the
                labels of a test either.
        """
        head = getattr(unwrap_model(runner), 'decode_head', None)
        num_classes = getattr(head, 'num_classes', None)
        # A head of one class treats every label except 0 as that class.
        if num_classes is None or num_classes == 1:
            return
        for sample in iter_samples(_samples(data_batch)):
            if 'gt_sem_seg' in sample:
                _check_labels(sample, num_classes)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Check the loss.

        Args:
            runner (Runner): The runner of the training process.
            batch_idx (int): Not used; part of mmengine's signature.
            data_batch (Any): See :meth:`_before_iter`.
            outputs (dict[str, Any] | None): Losses of the step.
        """
        if not outputs or 'loss' not in outputs:
            return
        if hasattr(runner.optim_wrapper, 'loss_scaler'):
            return
        # Set by RuntimeInfoHook, which runs earlier.
        loss = runner.message_hub.get_scalar('train/loss').current()
        if not math.isfinite(loss):
            raise not_finite(f'the loss ({loss})', _samples(data_batch))


def _check_batches(name: str, loader: DataLoader) -> None:
    if len(loader) == 0:
        count = len(cast(Sized, loader.dataset))
        raise ValueError(
            f'{name} gives no batch: its data set has {count} '
            f'items, batch_size is {loader.batch_size} and drop_last is '
            f'{loader.drop_last}. Set {name}.drop_last=False or a smaller '
            f'{name}.batch_size'
        )


def _samples(data_batch: Any) -> Any:
    return (
        data_batch.get('data_samples') if isinstance(data_batch, dict) else ()
    )


def _check_labels(sample: Any, num_classes: int) -> None:
    truth = sample.gt_sem_seg.data
    if truth.max() < num_classes:
        return
    labels = truth[truth != UNLABELLED]
    if len(labels) and labels.max() >= num_classes:
        raise ValueError(
            f'clip {sample.get("clip_id")!r}, frame '
            f'{sample.get("frame_index")}: expected labels below '
            f'model.decode_head.num_classes={num_classes}, got class id '
            f'{int(labels.max())}. Set num_classes to the number of classes '
            'of the data set, background included, or choose its labels '
            "(labels='binary' or 'semantic')"
        )

"""Check the labels and the loss of every training step."""

from __future__ import annotations

import math
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmavs.structures import UNLABELLED
from mmavs.training_step import iter_samples, not_finite

from ..model_wrapping import unwrap_model


@HOOKS.register_module()
class CheckStepHook(Hook):
    """Stop at labels for which the head has no class, and at a NaN loss.

    Labels are checked before they are moved to the GPU, and the loss is the
    value that mmengine has already read for its log, so neither check
    synchronises with the GPU. With mixed precision the loss is not checked,
    because the gradient scaler skips steps with infinite gradients.

    Raises:
        ValueError: In training, if a label is not below ``num_classes`` of
            the decode head, or if the loss is NaN or infinite.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Check the labels.

        Args:
            runner (Runner): The runner of the training process.
            batch_idx (int): Not used; part of mmengine's signature.
            data_batch (Any): Batch of the data loader; labels are checked if
                it is a dict with ``data_samples``.
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
            data_batch (Any): See :meth:`before_train_iter`.
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

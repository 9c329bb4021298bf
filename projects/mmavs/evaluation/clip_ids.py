"""Stack and check the predicted and the true class ids of one clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .clip_metric import check_labelled, describe_frame


def stack_ids(
    frames: Sequence[Mapping], *, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Stack the predicted and the true class ids of a clip's frames.

    Args:
        frames (Sequence[Mapping]): T samples with ``pred_sem_seg`` and
            ``gt_sem_seg``, each (1, h, w).
        num_classes (int): K.

    Returns:
        tuple[Tensor, Tensor]: Prediction and truth, (T, h, w) int64, on the
        device of the prediction.

    Raises:
        ValueError: If one is missing, their sizes differ, an id is not in
            0..K-1 (255 marks unlabelled pixels), or ``seg_logits`` contain
            NaN; the message names clip and frame.
    """
    pairs = [_checked_pair(frame, num_classes) for frame in frames]
    preds, targets = zip(*pairs, strict=True)
    return torch.stack(preds), torch.stack(targets)


def stack_pred_ids(frames: Sequence[Mapping], *, num_classes: int) -> Tensor:
    """Stack the predicted class ids of a clip's frames.

    Args:
        frames (Sequence[Mapping]): T samples with ``pred_sem_seg``.
        num_classes (int): K.

    Returns:
        Tensor: (T, h, w) int64.

    Raises:
        ValueError: See :func:`stack_ids`.
    """
    return torch.stack([_checked_pred(f, num_classes) for f in frames])


def _checked_pair(frame: Mapping, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return prediction and truth (h, w) of a frame."""
    where = describe_frame(frame)
    pred = _checked_pred(frame, num_classes)
    if 'gt_sem_seg' not in frame:
        raise ValueError(
            f'no gt_sem_seg for {where}; this split has no labels, or the '
            'test pipeline lacks LoadClipMasks.'
        )
    target = frame['gt_sem_seg']['data'][0]
    if target.shape != pred.shape:
        raise ValueError(
            'gt_sem_seg must have the size of pred_sem_seg, expected '
            f'{tuple(pred.shape)}, got {tuple(target.shape)} for {where}.'
        )
    check_labelled(target, where)
    _check_ids('gt_sem_seg', target, num_classes, where)
    return pred, target.to(pred.device).long()


def _checked_pred(frame: Mapping, num_classes: int) -> Tensor:
    """Return the prediction (h, w) of a frame."""
    where = describe_frame(frame)
    if 'pred_sem_seg' not in frame:
        raise ValueError(f'no pred_sem_seg for {where}; was it predicted?')
    # argmax of NaN returns a valid class id, so NaN is checked here.
    if 'seg_logits' in frame and frame['seg_logits']['data'].isnan().any():
        raise ValueError(
            'seg_logits must be numbers, got '
            f'{int(frame["seg_logits"]["data"].isnan().sum())} NaN for '
            f'{where}; did the training diverge?'
        )
    pred = frame['pred_sem_seg']['data'][0]
    _check_ids('pred_sem_seg', pred, num_classes, where)
    return pred.long()


def _check_ids(name: str, ids: Tensor, num_classes: int, where: str) -> None:
    """Raise ValueError unless the ids are (h, w), 0..K-1."""
    if ids.ndim != 2 or int(ids.min()) < 0 or int(ids.max()) >= num_classes:
        raise ValueError(
            f'{name} must be (1, h, w) class ids 0..{num_classes - 1}, got '
            f'shape {(1, *ids.shape)} with {ids.min()}..{ids.max()} for '
            f'{where}; do labels and number of classes of the config agree?'
        )

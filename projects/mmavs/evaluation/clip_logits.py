"""Stack and check the predicted logits and the truth of one clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..structures import UNLABELLED
from .clip_metric import check_labelled, describe_frame


def check_channels(
    shape: Sequence[int | str], where: str, *, merge_classes: bool = False
) -> None:
    """Raise ValueError unless logits can be reduced to a binary mask.

    Args:
        shape (Sequence[int | str]): (C, h, w) of the logits; sizes that are
            not known yet are letters.
        where (str): What predicts them, for the message.
        merge_classes (bool): C - 1 classes and the background will be merged
            by :func:`merge_classes`; without it C is 1 or 2.

    Raises:
        ValueError: If C does not fit.
    """
    got = f'got ({", ".join(map(str, shape))}) for {where}'
    if merge_classes and shape[0] == 1:
        raise ValueError(
            'merging classes needs seg_logits (K, h, w) of the background and '
            f'K - 1 classes, {got}; leave out --merge-classes, or '
            'merge_classes=True, for a binary model.'
        )
    if not merge_classes and (len(shape) != 3 or shape[0] not in (1, 2)):
        raise ValueError(
            'binary segmentation needs seg_logits (1, h, w) or (2, h, w), '
            f'{got}; merge the classes of a semantic model: --merge-classes '
            'writes its masks, and merge_classes=True of AVSBinaryMetric '
            'scores them.'
        )


def stack_logits(frames: Sequence[Mapping]) -> Tensor:
    """Stack the predicted logits of a clip's frames.

    Args:
        frames (Sequence[Mapping]): T samples with ``seg_logits``.

    Returns:
        Tensor: (T, C, h, w) float32, C = 1 or 2.

    Raises:
        ValueError: If logits are missing, not finite or of a wrong shape;
            the message names clip and frame.
    """
    logits: list[Tensor] = []
    for frame in frames:
        where = describe_frame(frame)
        if 'seg_logits' not in frame:
            raise ValueError(f'no seg_logits for {where}; was it predicted?')
        data = frame['seg_logits']['data'].detach().float()
        shape = tuple(data.shape)
        check_channels(shape, where)
        if logits and logits[0].shape != data.shape:
            raise ValueError(
                'frames of one clip must have seg_logits of one shape, got '
                f'{shape} for {where} after {tuple(logits[0].shape)}.'
            )
        if not torch.isfinite(data).all():
            raise ValueError(
                f'seg_logits must be finite, got '
                f'{int((~torch.isfinite(data)).sum())} NaN or infinite '
                f'values for {where}; did the training diverge?'
            )
        logits.append(data)
    return torch.stack(logits)


def stack_truth(frames: Sequence[Mapping]) -> Tensor:
    """Stack the binary truth of a clip's frames.

    Args:
        frames (Sequence[Mapping]): T samples with ``gt_sem_seg`` and
            ``seg_logits`` of the same size.

    Returns:
        Tensor: (T, h, w) bool, on the device of the logits.

    Raises:
        ValueError: If a truth is missing, its size differs from that of the
            logits, or it has values other than 0 and 1 (255 marks unlabelled
            pixels); the message names clip and frame.
    """
    truth = []
    for frame in frames:
        where = describe_frame(frame)
        if 'gt_sem_seg' not in frame:
            raise ValueError(
                f'no gt_sem_seg for {where}; this split has no labels, or the '
                'test pipeline lacks LoadClipMasks.'
            )
        data = frame['gt_sem_seg']['data']
        logits = frame['seg_logits']['data']
        expected = (1, *logits.shape[-2:])
        if tuple(data.shape) != expected:
            raise ValueError(
                f'gt_sem_seg must have the size of seg_logits, expected '
                f'{expected}, got {tuple(data.shape)} for {where}.'
            )
        check_labelled(data, where)
        if not ((data == 0) | (data == 1)).all():
            raise ValueError(
                'a binary truth holds 0 and 1, got values '
                f'{data.unique().tolist()} for {where}; load it with '
                "LoadClipMasks(label='binary')."
            )
        truth.append(data[0].to(logits.device) == 1)
    return torch.stack(truth)


def merge_classes(frame: Mapping) -> dict:
    """Reduce a frame of a semantic model to background and sounding.

    The logit of "sounding" is the highest of all classes but the background,
    so the pixels that are predicted as sounding are those whose predicted
    class is not the background.

    Args:
        frame (Mapping): Sample with ``seg_logits`` (K, h, w), K at least 2,
            and ``gt_sem_seg`` (1, h, w), 0..K-1 or 255 (unlabelled). Missing
            entries stay missing.

    Returns:
        dict: The sample with ``seg_logits`` (2, h, w) and ``gt_sem_seg`` of
        0, 1 and 255.

    Raises:
        ValueError: If the logits have a single channel, which is not that of
            a background.
    """
    merged = dict(frame)
    if 'seg_logits' in frame:
        logits = frame['seg_logits']['data']
        where = describe_frame(frame)
        check_channels(tuple(logits.shape), where, merge_classes=True)
        sounding = logits[1:].amax(0)
        merged['seg_logits'] = dict(data=torch.stack([logits[0], sounding]))
    if 'gt_sem_seg' in frame:
        truth = frame['gt_sem_seg']['data']
        is_object = (truth != 0) & (truth != UNLABELLED)
        merged['gt_sem_seg'] = dict(data=truth.masked_fill(is_object, 1))
    return merged

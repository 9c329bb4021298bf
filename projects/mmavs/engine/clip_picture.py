"""Make the contact sheet's contents from a packed clip and its masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.model import BaseModel
from torch import Tensor

from mmavs.datasets.transforms import AudioFrontEnd, clip_collate
from mmavs.evaluation.clip_ids import stack_ids, stack_pred_ids
from mmavs.evaluation.clip_logits import stack_logits, stack_truth
from mmavs.evaluation.functional import frame_iou, sounding_mask
from mmavs.evaluation.semantic_functional import count_class_areas, frame_miou
from mmavs.visualization import ClipPicture


class ClipMasks(NamedTuple):
    """Masks of a clip of T frames.

    Attributes:
        prediction (np.ndarray | None): (T, h, w) class ids or bool.
        truth (np.ndarray | None): As prediction.
        frame_iou (Sequence[float] | None): T values; of several classes the
            mean over those in the frame.
    """

    prediction: np.ndarray | None = None
    truth: np.ndarray | None = None
    frame_iou: Sequence[float] | None = None


def name_of(sample: Mapping[str, Any]) -> str:
    """Name a clip by its subset and its id.

    Args:
        sample (Mapping[str, Any]): A frame of the clip, with its metainfo.

    Returns:
        str: Such as ``v1m / a``.
    """
    return f'{sample["subset"]} / {sample["clip_id"]}'


def predicted_masks(
    samples: Sequence[Mapping[str, Any]], *, num_classes: int
) -> ClipMasks:
    """Get prediction, truth and IoU of a clip, as the metrics do.

    Args:
        samples (Sequence[Mapping[str, Any]]): T predicted frames; without
            ``gt_sem_seg`` there is no truth and no IoU.
        num_classes (int): K; 2 for binary masks.

    Returns:
        ClipMasks: With a prediction.

    Raises:
        ValueError: If prediction or truth is faulty.
    """
    has_truth = 'gt_sem_seg' in samples[0]
    if num_classes > 2:
        if not has_truth:
            ids = stack_pred_ids(samples, num_classes=num_classes)
            return ClipMasks(ids.cpu().numpy())
        pred, truth = stack_ids(samples, num_classes=num_classes)
        areas = count_class_areas(pred, truth, num_classes=num_classes)
        ious = frame_miou(areas).tolist()
        return ClipMasks(pred.cpu().numpy(), truth.cpu().numpy(), ious)
    pred = sounding_mask(stack_logits(samples))
    if not has_truth:
        return ClipMasks(pred.cpu().numpy())
    truth = stack_truth(samples)
    ious = frame_iou(pred, truth).tolist()
    return ClipMasks(pred.cpu().numpy(), truth.cpu().numpy(), ious)


def predict_masks(
    item: dict, *, model: BaseModel, num_classes: int
) -> ClipMasks:
    """Predict the masks of a packed clip.

    Args:
        item (dict): The clip.
        model (BaseModel): In evaluation mode.
        num_classes (int): K.

    Returns:
        ClipMasks: With truth and IoU.
    """
    with torch.no_grad():
        samples = model.test_step(clip_collate([item]))
    return predicted_masks(
        [sample.to_dict() for sample in samples], num_classes=num_classes
    )


def clip_picture(
    inputs: Mapping[str, Tensor],
    samples: Sequence[Mapping[str, Any]],
    masks: ClipMasks,
    *,
    metainfo: Mapping[str, Any],
    front_end: AudioFrontEnd | None,
    title: str | None = None,
    attention: Mapping[str, np.ndarray] | None = None,
) -> ClipPicture:
    """Collect what a contact sheet shows of a clip.

    Args:
        inputs (Mapping[str, Tensor]): ``frames`` (T, 3, H, W) uint8, before
            normalisation; ``audio`` (T, ...); optionally ``mask_prior`` (T,
            1, h, w).
        samples (Sequence[Mapping[str, Any]]): T frames with the metainfo of
            the clip.
        masks (ClipMasks): What to draw on them.
        metainfo (Mapping[str, Any]): ``classes`` and ``palette`` of the data
            set; both are used if there are more than two classes.
        front_end (AudioFrontEnd | None): Draws the rows of audio; None draws
            no audio.
        title (str | None): Defaults to None: subset and name of the clip.
        attention (Mapping[str, np.ndarray] | None): See ``ClipPicture``.

    Returns:
        ClipPicture: With the mean IoU in its title, if there is one.
    """
    title = title or name_of(samples[0])
    if masks.frame_iou is not None:
        title = f'{title}    mean IoU {np.mean(masks.frame_iou):.3f}'
    prior = inputs.get('mask_prior')
    sound = spans = None
    if front_end is not None:
        sound = front_end.picture(inputs['audio'].cpu().numpy())
        spans = [sample['audio_span'] for sample in samples]
    many = len(metainfo['classes']) > 2
    return ClipPicture(
        title=title,
        # (T, 3, H, W) -> (T, H, W, 3)
        frames=inputs['frames'].permute(0, 2, 3, 1).cpu().numpy(),
        prediction=masks.prediction,
        truth=masks.truth,
        prior=None if prior is None else prior[:, 0].cpu().numpy(),
        audio=sound,
        audio_spans=spans,
        frame_iou=masks.frame_iou,
        attention=attention,
        classes=metainfo['classes'] if many else None,
        palette=metainfo['palette'] if many else None,
    )

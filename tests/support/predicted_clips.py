"""Predicted clips as a metric receives them, made from seeds.

The streams of numpy's ``RandomState`` are frozen, so the expected numbers in
``tests/data/metrics`` stay valid.
"""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor


def predicted_frames(
    logits: Tensor,
    truth: Tensor | None,
    *,
    sample_idx: int = 0,
    clip_id: str | None = None,
    subset: str = 'v1m',
) -> list[SegDataSample]:
    """Wrap one clip's tensors as the model's outputs.

    Args:
        logits (Tensor): (T, C, h, w).
        truth (Tensor | None): (T, h, w), any number type.
        sample_idx (int): Place of the clip in the dataset.
        clip_id (str | None): ``clip{sample_idx}`` by default.
        subset (str): v1s, v1m or v2.

    Returns:
        list[SegDataSample]: T samples.
    """
    samples = []
    for index, logit in enumerate(logits):
        sample = SegDataSample(
            metainfo={
                'clip_id': clip_id or f'clip{sample_idx}',
                'subset': subset,
                'split': 'test',
                'task': 'ms3',
                'frame_index': index,
                'num_frames': len(logits),
                'sample_idx': sample_idx,
                # Any file: a dump of masks records hashes of both.
                'frame_path': __file__,
                'audio_path': __file__,
                'sound_from': 'own',
            }
        )
        sample.seg_logits = PixelData(data=logit)
        if truth is not None:
            sample.gt_sem_seg = PixelData(data=truth[index][None].long())
        samples.append(sample)
    return samples


def as_dicts(samples: Sequence[SegDataSample]) -> list[dict]:
    """Convert samples as mmengine's Evaluator does.

    Args:
        samples (Sequence[SegDataSample]): Predicted frames.

    Returns:
        list[dict]: The same frames.
    """
    return [sample.to_dict() for sample in samples]


def seeded_clip(
    seed: int,
    *,
    channels: int,
    num_frames: int = 5,
    size: tuple[int, int] = (24, 32),
    scale: float = 1.0,
    step: float | None = None,
    silent: Sequence[int] = (),
) -> tuple[Tensor, Tensor]:
    """Draw a truth and logits that partly know it.

    Args:
        seed (int): Other seeds give other clips.
        channels (int): 1 or 2 channels of logits.
        num_frames (int): Frames T.
        size (tuple[int, int]): Height and width.
        scale (float): Multiplies the logits; 20 saturates the scores.
        step (float | None): Rounds the logits to multiples of it, so that
            exact zeros and ties occur.
        silent (Sequence[int]): Frames with an empty truth.

    Returns:
        tuple[Tensor, Tensor]: Logits (T, C, h, w) float32 and truth (T, h, w)
        bool.
    """
    rng = np.random.RandomState(seed)
    truth = rng.random_sample((num_frames, *size)) < 0.3
    truth[list(silent)] = False
    logits = rng.standard_normal((num_frames, channels, *size))
    logits[:, -1] += truth - 0.4
    logits *= scale
    if step is not None:
        logits = np.round(logits / step) * step
    return torch.from_numpy(logits.astype(np.float32)), torch.from_numpy(truth)


def predicted_ids(
    pred: Tensor, truth: Tensor | None, **kwargs
) -> list[SegDataSample]:
    """Wrap one clip's class ids as the outputs of a semantic model.

    Args:
        pred (Tensor): (T, h, w) class ids.
        truth (Tensor | None): (T, h, w) class ids.
        **kwargs: See :func:`predicted_frames`.

    Returns:
        list[SegDataSample]: T samples; no ``seg_logits``.
    """
    samples = predicted_frames(pred[:, None], truth, **kwargs)
    for sample, ids in zip(samples, pred, strict=True):
        del sample.seg_logits
        sample.pred_sem_seg = PixelData(data=ids[None].long())
    return samples


def seeded_ids(
    seed: int,
    *,
    classes: Sequence[int] = tuple(range(1, 71)),
    num_frames: int = 5,
    size: tuple[int, int] = (24, 32),
    num_objects: int = 2,
    silent: Sequence[int] = (),
) -> tuple[Tensor, Tensor]:
    """Draw class ids of rectangles and a prediction that is partly right.

    Args:
        seed (int): Other seeds give other clips.
        classes (Sequence[int]): Classes of the objects.
        num_frames (int): Frames T.
        size (tuple[int, int]): Height and width.
        num_objects (int): Rectangles in each frame.
        silent (Sequence[int]): Frames whose truth is background only.

    Returns:
        tuple[Tensor, Tensor]: Prediction and truth (T, h, w) int64.
    """
    rng = np.random.RandomState(seed)
    height, width = size
    pred = np.zeros((num_frames, *size), np.int64)
    truth = np.zeros_like(pred)
    for frame in range(num_frames):
        for _ in range(num_objects):
            top, left = rng.randint(height // 2), rng.randint(width // 2)
            shift = rng.randint(4)
            is_right = rng.random_sample() < 0.7
            right, wrong = rng.choice(classes, 2)
            box = (
                slice(top, top + height // 2),
                slice(left, left + width // 2),
            )
            moved = (box[0], slice(left + shift, left + shift + width // 2))
            truth[frame][box] = right
            pred[frame][moved] = right if is_right else wrong
    truth[list(silent)] = 0
    return torch.from_numpy(pred), torch.from_numpy(truth)

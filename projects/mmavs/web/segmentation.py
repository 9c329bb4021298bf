"""Run a model on a visitor's video and keep what it predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..apis import AVSInferencer
from ..video import MaskRate, MaskTimes, ScannedVideo
from .stored_masks import StoredMasks


class Cancelled(Exception):
    """The visitor has cancelled the work, or left."""


@dataclass(frozen=True)
class Segmentation:
    """A video and the masks that a model predicts for it.

    Attributes:
        video (ScannedVideo): The video, with the sound that the model got.
        times (MaskTimes): Times of the masks.
        masks (StoredMasks): The masks.
        classes (Sequence[str]): Name of each class id.
        palette (Sequence[Sequence[int]]): RGB of each class id.
    """

    video: ScannedVideo
    times: MaskTimes
    masks: StoredMasks
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]

    def masks_at(self, threshold: float) -> Iterator[np.ndarray]:
        """Read the masks (H, W) at a threshold, in order."""
        return (mask for mask, _ in self.masks.at(threshold))


def segment(
    inferencer: AVSInferencer,
    video: ScannedVideo,
    folder: Path,
    *,
    mask_rate: MaskRate = 1,
    on_progress: Callable[[float], None],
    is_cancelled: Callable[[], bool],
) -> Segmentation:
    """Segment a video.

    Args:
        inferencer (AVSInferencer): The model.
        video (ScannedVideo): The video.
        folder (Path): Gets the masks; must not exist.
        mask_rate (MaskRate): Masks per second.
        on_progress (Callable[[float], None]): Called with the finished part,
            0..1.
        is_cancelled (Callable[[], bool]): Asked after each window of frames.

    Returns:
        Segmentation: The video and its masks.

    Raises:
        Cancelled: If ``is_cancelled`` returned True.
        ValueError: See ``AVSInferencer.segment_video``.
    """
    times = MaskTimes(video.facts, mask_rate)
    masks = StoredMasks(folder, len(inferencer.classes))
    for part in inferencer.segment_video(video, mask_rate=mask_rate):
        for mask, score in zip(part.masks, part.scores, strict=True):
            if is_cancelled():
                raise Cancelled
            masks.add(mask, score)
        on_progress(len(masks) / len(times))
    if is_cancelled():
        raise Cancelled
    return Segmentation(
        video=video,
        times=times,
        masks=masks,
        classes=inferencer.classes,
        palette=inferencer.palette,
    )

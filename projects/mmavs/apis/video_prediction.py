"""All masks of a video, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from ..video import MaskTimes, VideoFacts
from ..video.segments import (
    Event,
    Segment,
    coco_results,
    find_events,
    find_segments,
)


@dataclass(frozen=True)
class VideoPrediction:
    """Masks and scores of a video or a clip.

    Attributes:
        masks (np.ndarray): (T, H, W) uint8 class ids, 0 is background.
        scores (np.ndarray): (T, H, W) float32 in [0, 1], the score of a pixel
            for being part of a sounding object.
        facts (VideoFacts): Properties of the video.
        times (MaskTimes): Times of the T masks.
        classes (Sequence[str]): Name of each class id.
        palette (Sequence[Sequence[int]]): RGB of each class id.
    """

    masks: np.ndarray
    scores: np.ndarray
    facts: VideoFacts
    times: MaskTimes
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]

    def data_samples(self) -> list[SegDataSample]:
        """Return the masks as OpenMMLab's data samples.

        Returns:
            list[SegDataSample]: T samples with ``pred_sem_seg`` (1, H, W)
            int64, ``scores`` (1, H, W) and the metainfo ``video_path``,
            ``frame_index``, ``time``, ``ori_shape``, ``classes`` and
            ``palette``.
        """
        samples = []
        for index, time in enumerate(self.times):
            sample = SegDataSample(
                metainfo=dict(
                    video_path=str(self.facts.path),
                    frame_index=index,
                    time=float(time),
                    ori_shape=self.masks.shape[1:],
                    classes=self.classes,
                    palette=self.palette,
                )
            )
            mask = torch.from_numpy(self.masks[index].astype(np.int64))
            sample.pred_sem_seg = PixelData(data=mask[None])
            score = torch.from_numpy(self.scores[index].copy())
            sample.scores = PixelData(data=score[None])
            samples.append(sample)
        return samples

    def segments(self) -> list[Segment]:
        """Return the region of each class in each mask."""
        return [
            segment
            for number in range(len(self.masks))
            for segment in find_segments(
                self.masks[number], self.scores[number], number
            )
        ]

    def coco(self) -> dict[str, Any]:
        """Return the masks as COCO results; see ``coco_results``."""
        return coco_results(
            self.segments(), self.facts, self.times, self.classes
        )

    def events(self) -> list[Event]:
        """Return when each class sounds; see ``find_events``."""
        return find_events(self.segments(), self.facts, self.times)

"""What an analysis of results needs to know about each clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmseg.registry import METRICS

from mmavs.datasets.log_mel import decode_channels

from .binary_metric import AVSBinaryMetric, BinaryClipEntry
from .bootstrap import BINARY_PROTOCOLS
from .clip_ids import stack_ids
from .clip_logits import stack_logits, stack_truth
from .clip_metric import ClipEntry, ClipMetric
from .functional import sounding_mask
from .mask_files import BinaryMaskScorer, SemanticMaskScorer
from .semantic_functional import (
    ClassAreas,
    areas_of_pairs,
    count_class_pairs,
    frame_miou,
)
from .semantic_metric import SemanticClipEntry


@dataclass(frozen=True)
class ClipAnalysis(ClipEntry):
    """Scores, areas, confusions and loudness of one clip of T frames.

    Attributes:
        scores (BinaryClipEntry | SemanticClipEntry): As the metrics make
            them.
        areas (ClassAreas): (T, K) pixels; K is 2 for binary masks.
        confusion (np.ndarray): (K, K) pixels of the whole clip, true class by
            predicted class.
        loudness (tuple[float, ...]): T levels in dBFS, see
            :func:`second_loudness`.
    """

    scores: BinaryClipEntry | SemanticClipEntry
    areas: ClassAreas
    confusion: np.ndarray
    loudness: tuple[float, ...]

    @property
    def frame_scores(self) -> list[float]:
        """IoU of each frame; of several classes the mean of those in it."""
        if isinstance(self.scores, BinaryClipEntry):
            return list(self.scores.frame_iou)
        return frame_miou(self.areas).tolist()

    @property
    def score(self) -> float:
        """Mean of :attr:`frame_scores`."""
        return float(np.mean(self.frame_scores))


def second_loudness(
    channels: np.ndarray, rate: int, num_frames: int
) -> tuple[float, ...]:
    """Compute the level of each second of a sound.

    Args:
        channels (np.ndarray): (S, C) samples, nominally in [-1, 1].
        rate (int): Samples per second.
        num_frames (int): T; frame t belongs to the seconds [t, t + 1).

    Returns:
        tuple[float, ...]: T values of 20 log10(RMS) of all channels, in dBFS;
        minus infinity for seconds that are silent or after the end.
    """
    levels = []
    for second in range(num_frames):
        samples = channels[second * rate : (second + 1) * rate]
        power = float(np.mean(samples**2)) if samples.size else 0.0
        levels.append(10 * np.log10(power) if power > 0 else -np.inf)
    return tuple(float(level) for level in levels)


def analyse_clip(
    scores: BinaryClipEntry | SemanticClipEntry,
    pred: torch.Tensor,
    truth: torch.Tensor,
    *,
    num_classes: int,
    audio_path: str,
) -> ClipAnalysis:
    """Count the confusions of a clip and measure its sound.

    Args:
        scores (BinaryClipEntry | SemanticClipEntry): Of the same masks.
        pred (torch.Tensor): (T, h, w) class ids.
        truth (torch.Tensor): (T, h, w) class ids.
        num_classes (int): K.
        audio_path (str): Sound file of the clip.

    Returns:
        ClipAnalysis: Of the clip.

    Raises:
        FileNotFoundError: If the sound is missing.
        ValueError: If it cannot be decoded.
    """
    pairs = count_class_pairs(pred, truth, num_classes=num_classes)
    try:
        channels, rate = decode_channels(Path(audio_path).read_bytes())
    except ValueError as error:
        raise ValueError(f'{audio_path}: {error}.') from error
    return ClipAnalysis(
        sample_idx=scores.sample_idx,
        subset=scores.subset,
        clip_id=scores.clip_id,
        num_frames=scores.num_frames,
        scores=scores,
        areas=areas_of_pairs(pairs),
        confusion=pairs.sum(0).cpu().numpy(),
        loudness=second_loudness(channels, rate, scores.num_frames),
    )


@dataclass(frozen=True)
class MaskFileAnalyser:
    """Analyse the masks of a clip that any model has written as PNG files.

    Attributes:
        scorer (BinaryMaskScorer | SemanticMaskScorer): Reads and scores them.
        num_classes (int): K.
    """

    scorer: BinaryMaskScorer | SemanticMaskScorer
    num_classes: int

    def __call__(self, clip: Mapping) -> ClipAnalysis:
        """Analyse one clip.

        Args:
            clip (Mapping): Entry of a ``BaseClipDataset`` with labels.

        Returns:
            ClipAnalysis: Of the clip.

        Raises:
            FileNotFoundError: If masks, labels or sound are missing.
            ValueError: If a file cannot be read, or has another size or mode.
        """
        masks, truth = self.scorer.read(clip)
        return analyse_clip(
            self.scorer.score(clip, masks, truth),
            torch.from_numpy(self.scorer.ids(masks)),
            torch.from_numpy(truth),
            num_classes=self.num_classes,
            audio_path=clip['audio_path'],
        )


@METRICS.register_module()
class ClipAnalyses(ClipMetric[ClipAnalysis]):
    """Keep the analyses of all clips of a split; reports no scores.

    ``tools/analysis_tools/analyze_results.py`` adds it to a test.

    Attributes:
        entries (list[ClipAnalysis]): One per clip, in dataset order, after
            ``evaluate``; only on the main process.

    Args:
        collect_device (str): 'cpu' or 'gpu', see :class:`ClipMetric`.
        collect_dir (str | None): Shared folder, see :class:`ClipMetric`.
    """

    def __init__(
        self, collect_device: str = 'cpu', collect_dir: str | None = None
    ) -> None:
        super().__init__(collect_device, collect_dir)
        self.entries: list[ClipAnalysis] = []
        self._binary = AVSBinaryMetric(BINARY_PROTOCOLS)

    def process_clip(self, frames: list[dict]) -> ClipAnalysis:
        """Analyse one clip.

        Args:
            frames (list[dict]): T samples with prediction and truth, as
                ``AVSBinaryMetric`` or ``AVSSemanticMetric`` need them.

        Returns:
            ClipAnalysis: Of the clip.
        """
        num_classes = len((self.dataset_meta or {})['classes'])
        first = frames[0]
        scores: BinaryClipEntry | SemanticClipEntry
        if num_classes == 2:
            scores = self._binary.process_clip(frames)
            pred = sounding_mask(stack_logits(frames)).long()
            truth = stack_truth(frames).long()
        else:
            pred, truth = stack_ids(frames, num_classes=num_classes)
            pairs = count_class_pairs(pred, truth, num_classes=num_classes)
            scores = SemanticClipEntry(
                sample_idx=first['sample_idx'],
                subset=first['subset'],
                clip_id=first['clip_id'],
                num_frames=len(frames),
                areas=areas_of_pairs(pairs),
            )
        return analyse_clip(
            scores,
            pred,
            truth,
            num_classes=num_classes,
            audio_path=first['audio_path'],
        )

    def compute_clip_metrics(
        self, entries: list[ClipAnalysis]
    ) -> dict[str, float]:
        """Keep the entries.

        Args:
            entries (list[ClipAnalysis]): One per clip, in dataset order.

        Returns:
            dict[str, float]: Empty.
        """
        self.entries = entries
        return {}

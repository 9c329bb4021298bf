"""mIoU and F-score of binary audio-visual segmentation."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mmseg.registry import METRICS

from mmavs.atomic_file import atomic_path
from mmavs.output_path import check_table_file

from .clip_logits import merge_classes, stack_logits, stack_truth
from .clip_metric import ClipEntry, ClipMetric
from .functional import (
    ease_score,
    frame_f_curves,
    frame_iou,
    sounding_mask,
    sounding_score,
)

#: EASE's protocol: no batches.
FRAME = 'frame'
#: Results of every protocol, as :func:`pooled_scores` returns them.
_SCORES = ('mIoU', 'F')
#: First columns of the table of clips.
_IDENTITY = ('sample_idx', 'subset', 'clip_id')


@dataclass(frozen=True)
class BinaryClipEntry(ClipEntry):
    """Scores of one clip.

    Attributes:
        frame_iou (tuple[float, ...]): IoU of each of the T frames.
        f_curve_sum (tuple[float, ...]): F at the 255 thresholds, summed over
            the frames whose truth is not empty.
        num_valid_frames (int): Number of frames whose truth is not empty.
        frame_f (tuple[float, ...] | None): Best F of each frame under
            protocol ``frame``, 0 for an empty truth; None if the protocol is
            not reported.
    """

    frame_iou: tuple[float, ...]
    f_curve_sum: tuple[float, ...]
    num_valid_frames: int
    frame_f: tuple[float, ...] | None = None


@METRICS.register_module()
class AVSBinaryMetric(ClipMetric[BinaryClipEntry]):
    """mIoU and F-score for S4, MS3 and binary AVSS, by named protocols.

    All protocols but ``frame`` use the same per-frame scores and differ in
    how they group clips into batches. Within a batch, IoU is averaged over
    frames, and the F curves are averaged over frames with a non-empty truth
    before the best of 255 thresholds is taken. The scores of the batches are
    then averaged.

    - ``split``: one batch, the whole split. Independent of any batch size.
    - ``stepping_stones``: batches of one clip
      (``Stepping-Stones@de6a17b:avs/scripts/evaluation.py``).
    - ``avsbench-bsK``: batches of K clips in dataset order; the last batch
      may be smaller (AVSBench, AVSegFormer).
    - ``frame``: the best F of every frame, 0 if its truth is empty, averaged
      over all frames; the scores are those of
      :func:`.functional.ease_score`. mIoU as under ``split``
      (``ilpoviertola/EASE@12ab645:utils/avs_semantic_metric.py``).

    A batch whose truth is empty in all frames has F = 0, as published. Values
    are in [0, 1], under keys such as ``stepping_stones/mIoU`` and
    ``split/F``. See ``docs/metrics.md``.

    Args:
        protocols (Sequence[str]): Protocols to report; all are computed in
            one pass over the data.
        per_clip_csv (str | None): File to write the scores of every clip to;
            replaces only such a table.
        merge_classes (bool): Score a semantic model by where it predicts any
            class but the background: its localisation, see
            :func:`~mmavs.evaluation.clip_logits.merge_classes`.
        collect_device (str): 'cpu' or 'gpu', see :class:`ClipMetric`.
        collect_dir (str | None): Shared folder, see :class:`ClipMetric`.

    Raises:
        ValueError: If a protocol is unknown or none is given.
    """

    def __init__(
        self,
        protocols: Sequence[str] = ('split',),
        *,
        per_clip_csv: str | None = None,
        merge_classes: bool = False,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, collect_dir)
        if isinstance(protocols, str) or not protocols:
            raise ValueError(
                'protocols must be a non-empty list of names, for example '
                f"['split', 'stepping_stones'], got {protocols!r}."
            )
        self.batch_sizes = {
            name: None if name == FRAME else batch_size_of(name)
            for name in protocols
        }
        if per_clip_csv is not None:
            check_table_file(per_clip_csv, _IDENTITY)
        self.per_clip_csv = per_clip_csv
        self.merge_classes = merge_classes

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of all results, available before the first clip."""
        return tuple(
            f'{name}/{key}' for name in self.batch_sizes for key in _SCORES
        )

    def process_clip(self, frames: list[dict]) -> BinaryClipEntry:
        """Score the frames of one clip.

        Args:
            frames (list[dict]): T samples with ``seg_logits`` (1 or 2
                channels) and ``gt_sem_seg`` (0 and 1); with
                ``merge_classes`` of any number of classes.

        Returns:
            BinaryClipEntry: The clip's scores.
        """
        if self.merge_classes:
            frames = [merge_classes(frame) for frame in frames]
        logits = stack_logits(frames)
        truth = stack_truth(frames)
        score = sounding_score(logits)
        curves, valid = frame_f_curves(score, truth)
        iou = frame_iou(sounding_mask(logits, score), truth)
        frame_f = None
        if FRAME in self.batch_sizes:
            eased, _ = frame_f_curves(ease_score(logits), truth)
            frame_f = tuple(eased.amax(1).tolist())
        first = frames[0]
        return BinaryClipEntry(
            sample_idx=first['sample_idx'],
            subset=first['subset'],
            clip_id=first['clip_id'],
            num_frames=len(frames),
            frame_iou=tuple(iou.tolist()),
            # Rows of frames with an empty truth are zero.
            f_curve_sum=tuple(curves.cpu().numpy().sum(0).tolist()),
            num_valid_frames=int(valid.sum()),
            frame_f=frame_f,
        )

    def compute_clip_metrics(
        self, entries: list[BinaryClipEntry]
    ) -> dict[str, float]:
        """Aggregate all clips under every protocol.

        Args:
            entries (list[BinaryClipEntry]): One per clip, in dataset order.

        Returns:
            dict[str, float]: ``<protocol>/mIoU`` and ``<protocol>/F``, not
            rounded.
        """
        if self.per_clip_csv is not None:
            write_per_clip_csv(self.per_clip_csv, entries)
        return {
            f'{name}/{key}': score
            for name in self.batch_sizes
            for key, score in zip(
                _SCORES, protocol_scores(entries, name), strict=True
            )
        }


def protocol_scores(
    entries: Sequence[BinaryClipEntry], protocol: str
) -> tuple[float, float]:
    """Score clips under a protocol.

    Args:
        entries (Sequence[BinaryClipEntry]): At least one clip, in order; for
            ``frame`` with ``frame_f``.
        protocol (str): Name, see :class:`AVSBinaryMetric`.

    Returns:
        tuple[float, float]: mIoU and F in [0, 1].

    Raises:
        ValueError: If the protocol is unknown.
    """
    if protocol != FRAME:
        return pooled_scores(entries, batch_size_of(protocol))
    miou, _ = pooled_scores(entries, None)
    best: list[float] = []
    for entry in entries:
        assert entry.frame_f is not None, 'made without this protocol'
        best.extend(entry.frame_f)
    return miou, float(np.mean(best))


def pooled_scores(
    entries: Sequence[BinaryClipEntry], batch_size: int | None
) -> tuple[float, float]:
    """Average mIoU and best F over batches of clips.

    Args:
        entries (Sequence[BinaryClipEntry]): At least one clip, in order.
        batch_size (int | None): Clips in a batch; None puts all into one.

    Returns:
        tuple[float, float]: mIoU and F in [0, 1], computed in float64.
    """
    step = batch_size or len(entries)
    batches = [entries[i : i + step] for i in range(0, len(entries), step)]
    mious, f_scores = [], []
    for batch in batches:
        mious.append(np.mean([iou for e in batch for iou in e.frame_iou]))
        num_valid = sum(entry.num_valid_frames for entry in batch)
        curve = np.sum([entry.f_curve_sum for entry in batch], axis=0)
        f_scores.append(curve.max() / num_valid if num_valid else 0.0)
    return float(np.mean(mious)), float(np.mean(f_scores))


def write_per_clip_csv(path: str, entries: Sequence[BinaryClipEntry]) -> None:
    """Write one row per clip: identity, mIoU, best F, IoU of each frame.

    Args:
        path (str): CSV file, replaced atomically.
        entries (Sequence[BinaryClipEntry]): One per clip, in dataset order.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.writer(file)
        writer.writerow(
            [*_IDENTITY, 'num_frames']
            + ['num_valid_frames', 'mIoU', 'F', 'frame_iou']
        )
        for entry in entries:
            miou, f_score = pooled_scores([entry], None)
            writer.writerow(
                [entry.sample_idx, entry.subset, entry.clip_id]
                + [entry.num_frames, entry.num_valid_frames, miou, f_score]
                + [' '.join(map(repr, entry.frame_iou))]
            )


def batch_size_of(protocol: str) -> int | None:
    """Return the number of clips that a protocol pools.

    Args:
        protocol (str): ``'split'``, ``'stepping_stones'`` or
            ``'avsbench-bsK'``.

    Returns:
        int | None: Clips of a batch; None for the whole split.

    Raises:
        ValueError: If the protocol is unknown.
    """
    if protocol == 'split':
        return None
    if protocol == 'stepping_stones':
        return 1
    match = re.fullmatch(r'avsbench-bs([1-9]\d*)', protocol)
    if match is None:
        raise ValueError(
            "protocol must be 'split', 'stepping_stones', 'frame' or "
            "'avsbench-bsK' with the batch size K in clips, for example "
            "'avsbench-bs4', got "
            f'{protocol!r}.'
        )
    return int(match[1])

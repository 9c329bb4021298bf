"""mIoU and F-score of audio-visual semantic segmentation."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mmengine.logging import print_log
from mmseg.registry import METRICS

from mmavs.atomic_file import atomic_path
from mmavs.output_path import check_table_file

from .clip_ids import stack_ids
from .clip_metric import ClipEntry, ClipMetric
from .semantic_functional import (
    ClassAreas,
    ClassScores,
    count_class_areas,
    dataset_scores,
    frame_averaged_scores,
    frame_miou,
)
from .semantic_tables import (
    CLASS_COLUMNS,
    format_per_class,
    write_per_class_csv,
)

PROTOCOLS = ('stepping_stones', 'avsbench', 'present', 'dataset')
#: Protocols that average over the classes that occur.
_OCCURRING = ('present', 'dataset')
#: AVSBench pads every clip to this number of frames and scores the padding.
AVSBENCH_NUM_FRAMES = 10


@dataclass(frozen=True)
class SemanticClipEntry(ClipEntry):
    """Pixel counts of one clip.

    Attributes:
        areas (ClassAreas): (T, K), of the clip's T frames.
    """

    areas: ClassAreas


@METRICS.register_module()
class AVSSemanticMetric(ClipMetric[SemanticClipEntry]):
    """mIoU and F-score per class for AVSS, by named protocols.

    The classes are those of the dataset's metainfo; class 0 is background.

    - ``stepping_stones``: IoU and F of a class are averaged over the frames
      that have it in the prediction or the truth, then over all classes; a
      class in no frame counts as 0
      (``Stepping-Stones@de6a17b:avss/utils/cal_color_metric.py``).
    - ``avsbench``: the same, but a clip of 5 frames is padded to 10 with
      frames whose prediction and truth are background (AVSBench,
      AVSegFormer).
    - ``present``: class scores as under ``stepping_stones``, averaged over
      the classes in any prediction or label
      (``ilpoviertola/EASE@12ab645:utils/avs_semantic_metric.py``).
    - ``dataset``: IoU and F of pixels summed over the whole dataset, averaged
      over the classes in any prediction or truth (mmseg's ``IoUMetric``,
      CAVP, DDESeg). These values are much higher than those of the other
      protocols and not comparable with them.

    Keys are ``<protocol>/mIoU`` and ``<protocol>/F`` over all classes with
    the background, ``<protocol>/mIoU_no_bg`` and ``<protocol>/F_no_bg``
    without it. AVSBench's published ``noBg`` scores omit the last class
    instead of the background: ``avsbench/mIoU_noBg_published`` and
    ``avsbench/F_noBg_published``. Values are in [0, 1], not rounded. See
    ``docs/metrics.md``.

    Args:
        protocols (Sequence[str]): Protocols to report; all are computed in
            one pass over the data.
        per_class_csv (str | None): File to write the scores of every class
            to.
        print_per_class (bool): Log the scores of the classes that occur.
        collect_device (str): 'cpu' or 'gpu', see :class:`ClipMetric`.
        collect_dir (str | None): Shared folder, see :class:`ClipMetric`.

    Raises:
        ValueError: If a protocol is unknown or none is given.
    """

    def __init__(
        self,
        protocols: Sequence[str] = ('stepping_stones',),
        *,
        per_class_csv: str | None = None,
        print_per_class: bool = False,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, collect_dir)
        if isinstance(protocols, str) or not protocols:
            raise ValueError(
                'protocols must be a non-empty list of names, for example '
                f"['stepping_stones'], got {protocols!r}."
            )
        for name in protocols:
            if name not in PROTOCOLS:
                raise ValueError(
                    f'protocol must be one of {PROTOCOLS}, got {name!r}.'
                )
        self.protocols = tuple(protocols)
        if per_class_csv is not None:
            check_table_file(per_class_csv, CLASS_COLUMNS)
        self.per_class_csv = per_class_csv
        self.print_per_class = print_per_class

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes, background first."""
        names = tuple((self.dataset_meta or {}).get('classes', ()))
        if len(names) < 2:
            raise ValueError(
                'AVSSemanticMetric needs the names of at least 2 classes, '
                f'background first, as dataset_meta["classes"], got {names}; '
                "use a dataset with metainfo, or set the metric's "
                'dataset_meta.'
            )
        return names

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of all results, available before the first clip."""
        return tuple(
            f'{protocol}/{score}{suffix}'
            for protocol in self.protocols
            for suffix in _class_selections(protocol)
            for score in ('mIoU', 'F')
        )

    def process_clip(self, frames: list[dict]) -> SemanticClipEntry:
        """Count the pixels of one clip.

        Args:
            frames (list[dict]): T samples with ``pred_sem_seg`` and
                ``gt_sem_seg`` of class ids.

        Returns:
            SemanticClipEntry: The clip's areas.
        """
        num_classes = len(self.classes)
        pred, target = stack_ids(frames, num_classes=num_classes)
        first = frames[0]
        return SemanticClipEntry(
            sample_idx=first['sample_idx'],
            subset=first['subset'],
            clip_id=first['clip_id'],
            num_frames=len(frames),
            areas=count_class_areas(pred, target, num_classes=num_classes),
        )

    def compute_clip_metrics(
        self, entries: list[SemanticClipEntry]
    ) -> dict[str, float]:
        """Aggregate all clips under every protocol.

        Args:
            entries (list[SemanticClipEntry]): One per clip, in dataset order.

        Returns:
            dict[str, float]: Values by the keys listed in the class, not
            rounded.
        """
        scores = {
            name: score_classes(entries, name) for name in self.protocols
        }
        if self.per_class_csv is not None:
            write_per_class_csv(self.per_class_csv, self.classes, scores)
        if self.print_per_class:
            table = format_per_class(self.classes, scores)
            print_log(f'per class, in percent:\n{table}', logger='current')
        return {
            f'{name}/{key}': value
            for name in self.protocols
            for key, value in mean_scores(scores[name], name).items()
        }


def score_classes(
    entries: Sequence[SemanticClipEntry], protocol: str
) -> ClassScores:
    """Score every class under one protocol.

    Args:
        entries (Sequence[SemanticClipEntry]): At least one, in dataset order.
        protocol (str): One of ``PROTOCOLS``.

    Returns:
        ClassScores: Of the K classes.

    Raises:
        ValueError: If a clip has more than 10 frames under ``avsbench``.
    """
    areas = ClassAreas(
        *map(np.concatenate, zip(*(e.areas for e in entries), strict=True))
    )
    if protocol == 'dataset':
        return dataset_scores(areas)
    if protocol in ('stepping_stones', 'present'):
        return frame_averaged_scores(areas)
    longest = max(entries, key=lambda entry: entry.num_frames)
    if longest.num_frames > AVSBENCH_NUM_FRAMES:
        raise ValueError(
            "protocol 'avsbench' pads clips to "
            f'{AVSBENCH_NUM_FRAMES} frames, got {longest.num_frames} frames '
            f'in clip {longest.clip_id!r} ({longest.subset}); remove this '
            'protocol.'
        )
    num_padded = sum(AVSBENCH_NUM_FRAMES - e.num_frames for e in entries)
    return frame_averaged_scores(areas, num_padded=num_padded)


def mean_scores(scores: ClassScores, protocol: str) -> dict[str, float]:
    """Average the class scores as a protocol does.

    Args:
        scores (ClassScores): Of the K classes, background first.
        protocol (str): One of ``PROTOCOLS``.

    Returns:
        dict[str, float]: ``mIoU``, ``F``, ``mIoU_no_bg``, ``F_no_bg`` and,
        for ``avsbench``, both with the suffix ``_noBg_published``. NaN under
        ``present`` and ``dataset`` if only the background occurs.
    """
    # Under the other protocols, an absent class counts as 0.
    kept = scores.num_frames >= (1 if protocol in _OCCURRING else 0)
    return {
        f'{name}{suffix}': _mean(values[part][kept[part]])
        for suffix, part in _class_selections(protocol).items()
        for name, values in (('mIoU', scores.iou), ('F', scores.f_score))
    }


def write_clip_miou_csv(
    path: str, entries: Sequence[SemanticClipEntry]
) -> None:
    """Write one row per clip: identity, and its mIoU.

    The mIoU of a frame averages the classes in its prediction or label; that
    of a clip averages its frames.

    Args:
        path (str): CSV file, replaced atomically.
        entries (Sequence[SemanticClipEntry]): One per clip, in dataset order.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.writer(file)
        writer.writerow(
            ['sample_idx', 'subset', 'clip_id', 'num_frames']
            + ['mIoU', 'frame_mIoU']
        )
        for entry in entries:
            mious = frame_miou(entry.areas).tolist()
            writer.writerow(
                [entry.sample_idx, entry.subset, entry.clip_id]
                + [entry.num_frames, sum(mious) / len(mious)]
                + [' '.join(map(repr, mious))]
            )


def _class_selections(protocol: str) -> dict[str, slice]:
    """Map the suffix of a result's name to the classes that it averages."""
    selections = {'': slice(None), '_no_bg': slice(1, None)}
    if protocol == 'avsbench':
        selections['_noBg_published'] = slice(None, -1)
    return selections


def _mean(values: np.ndarray) -> float:
    """Mean, or NaN of an empty array, without numpy's warning."""
    return float(values.mean()) if len(values) else float('nan')

"""Keep the predicted masks of a split, to compare two predictions of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mmseg.registry import METRICS

from .clip_ids import stack_pred_ids
from .clip_logits import stack_logits
from .clip_metric import ClipEntry, ClipMetric
from .functional import sounding_mask
from .robustness import PredictedArea, area_figures, mask_consistency


@dataclass(frozen=True)
class MaskEntry(ClipEntry):
    """Predicted masks of one clip.

    Attributes:
        bits (bytes): The masks, one bit per pixel.
        size (tuple[int, int]): (H, W).
    """

    bits: bytes
    size: tuple[int, int]

    @property
    def masks(self) -> np.ndarray:
        """(T, H, W) bool."""
        shape = (self.num_frames, *self.size)
        packed = np.frombuffer(self.bits, np.uint8)
        return (
            np.unpackbits(packed, count=int(np.prod(shape)))
            .reshape(shape)
            .astype(bool)
        )

    @property
    def area(self) -> PredictedArea:
        """Predicted pixels."""
        counts = self.masks.sum((1, 2)).tolist()
        return PredictedArea(tuple(counts), self.size[0] * self.size[1])


@METRICS.register_module()
class PredictedMasks(ClipMetric[MaskEntry]):
    """FPR, S, EMPTY and AUC_N of a split; keeps its masks. Needs no labels.

    A pixel is predicted if it is part of the hard mask (binary data sets) or
    its class is not the background (data sets of more classes).
    ``tools/robustness.py`` compares the masks of two runs.

    Attributes:
        entries (list[MaskEntry]): One per clip, in dataset order, after
            ``evaluate``; only on the main process. A frame of 224 x 224 takes
            6 KiB.

    Args:
        collect_device (str): 'cpu' or 'gpu', see :class:`ClipMetric`.
        collect_dir (str | None): Shared folder, see :class:`ClipMetric`.
    """

    def __init__(
        self, collect_device: str = 'cpu', collect_dir: str | None = None
    ) -> None:
        super().__init__(collect_device, collect_dir)
        self.entries: list[MaskEntry] = []

    def process_clip(self, frames: list[dict]) -> MaskEntry:
        """Pack the masks of one clip.

        Args:
            frames (list[dict]): T samples with ``seg_logits`` (binary data
                sets) or ``pred_sem_seg``.

        Returns:
            MaskEntry: The clip's masks.

        Raises:
            ValueError: If the prediction is missing or faulty.
        """
        num_classes = len((self.dataset_meta or {}).get('classes', ()))
        if num_classes < 2:
            raise ValueError(
                'PredictedMasks needs the names of at least 2 classes as '
                f'dataset_meta["classes"], got {num_classes}; use a data set '
                'with metainfo.'
            )
        if num_classes == 2:
            masks = sounding_mask(stack_logits(frames))
        else:
            masks = stack_pred_ids(frames, num_classes=num_classes) != 0
        first = frames[0]
        return MaskEntry(
            sample_idx=first['sample_idx'],
            subset=first['subset'],
            clip_id=first['clip_id'],
            num_frames=len(frames),
            bits=np.packbits(masks.cpu().numpy()).tobytes(),
            size=(masks.shape[1], masks.shape[2]),
        )

    def compute_clip_metrics(
        self, entries: list[MaskEntry]
    ) -> dict[str, float]:
        """Compute the figures of the predicted area.

        Args:
            entries (list[MaskEntry]): One per clip, in dataset order.

        Returns:
            dict[str, float]: See :func:`.robustness.area_figures`.
        """
        self.entries = entries
        return area_figures([entry.area for entry in entries])


def consistency(
    original: Sequence[MaskEntry], other: Sequence[MaskEntry]
) -> float:
    """Compute the mean IoU of the masks of two runs.

    Args:
        original (Sequence[MaskEntry]): Of the clips' own sound.
        other (Sequence[MaskEntry]): Of another sound, of the same clips or of
            some of them.

    Returns:
        float: Mean over all frames of ``other``, in [0, 1]; 1 if the masks
        are the same.
    """
    masks = {(entry.subset, entry.clip_id): entry.masks for entry in original}
    ious = [
        mask_consistency(masks[entry.subset, entry.clip_id], entry.masks)
        for entry in other
    ]
    return float(np.mean(np.concatenate(ious)))

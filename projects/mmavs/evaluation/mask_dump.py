"""Write the predicted masks of stage one to files."""

from __future__ import annotations

import numpy as np
import torch
from mmseg.registry import METRICS

from mmavs.datasets.mask_directory import MadeBy, MaskDirectory

from .clip_logits import merge_classes, stack_logits
from .clip_metric import ClipEntry, ClipMetric
from .functional import sounding_mask, sounding_score


@METRICS.register_module()
class MaskDump(ClipMetric[ClipEntry]):
    """Write every predicted mask and an index of them; needs no labels.

    Masks have the size of ``seg_logits``. The index is removed before the
    first mask is written and written again after the last clip of all
    processes, so an interrupted dump has no index. See
    :class:`MaskDirectory` for the files.

    Several dumps, of other subsets or splits, may share a folder. To resume
    an interrupted dump, predict only the clips for which
    ``directory.is_written(clip, made_by)`` is False, or call
    ``directory.write_index(made_by)`` if all clips are written.

    Args:
        root (str): Folder to write into. A folder with files that no dump
            wrote raises an error.
        config_hash (str): SHA-256 of the config that predicts.
        checkpoint_hash (str): SHA-256 of the checkpoint's file, see
            ``mmavs.fingerprint.hash_file``.
        soft (bool): Write ``round(255 * score)`` instead of 0 and 255.
        merge_classes (bool): Write where a semantic model predicts any class
            but the background, see
            :func:`~mmavs.evaluation.clip_logits.merge_classes`.
        collect_device (str): 'cpu' or 'gpu', see :class:`ClipMetric`.
        collect_dir (str | None): Shared folder, see :class:`ClipMetric`.
    """

    def __init__(
        self,
        root: str,
        *,
        config_hash: str,
        checkpoint_hash: str,
        soft: bool = False,
        merge_classes: bool = False,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, collect_dir)
        self.directory = MaskDirectory(root)
        self.made_by = MadeBy(
            config_hash, checkpoint_hash, 'soft' if soft else 'hard'
        )
        self.soft = soft
        self.merge_classes = merge_classes
        self._started = False

    def process_clip(self, frames: list[dict]) -> ClipEntry:
        """Write the masks of one clip.

        Args:
            frames (list[dict]): T samples with ``seg_logits``,
                ``frame_path`` and ``audio_path``.

        Returns:
            ClipEntry: The clip's identity.

        Raises:
            ValueError: If the folder has files that no dump wrote.
        """
        if not self._started:
            self.directory.begin(self.made_by)
            self._started = True
        first = frames[0]
        clip = {**first, 'frame_paths': [f['frame_path'] for f in frames]}
        if self.merge_classes:
            frames = [merge_classes(frame) for frame in frames]
        masks = grey_masks(stack_logits(frames), soft=self.soft)
        self.directory.write_clip(clip, masks, self.made_by)
        return ClipEntry(
            sample_idx=first['sample_idx'],
            subset=first['subset'],
            clip_id=first['clip_id'],
            num_frames=len(frames),
        )

    def compute_clip_metrics(
        self, entries: list[ClipEntry]
    ) -> dict[str, float]:
        """Write the index; no metrics are reported.

        Args:
            entries (list[ClipEntry]): One per clip, in dataset order.

        Returns:
            dict[str, float]: Empty.
        """
        self._started = False
        self.directory.write_index(self.made_by)
        return {}


def grey_masks(logits: torch.Tensor, *, soft: bool = False) -> np.ndarray:
    """Convert logits to the 8-bit masks that :class:`MaskDump` writes.

    Args:
        logits (torch.Tensor): (T, C, h, w) with C 1 or 2, see
            ``sounding_mask``.
        soft (bool): ``round(255 * score)`` instead of 0 and 255.

    Returns:
        np.ndarray: (T, h, w) uint8.

    Raises:
        ValueError: If the logits have another shape.
    """
    if soft:
        masks = (255 * sounding_score(logits)).round()
    else:
        masks = 255 * sounding_mask(logits)
    return masks.to(torch.uint8).cpu().numpy()

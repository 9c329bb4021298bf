"""Predicted masks as files: the end of stage one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmseg.registry import METRICS
from PIL import Image

from mmavs.atomic_file import atomic_path, write_json
from mmavs.datasets.mask_directory import INDEX_NAME, RECORD_NAME

from .clip_logits import stack_logits
from .clip_metric import ClipEntry, ClipMetric
from .functional import sounding_mask, sounding_score


@METRICS.register_module()
class MaskDump(ClipMetric[ClipEntry]):
    """Write every predicted mask and an index of them; needs no truth.

    Writes ``<root>/<subset>/<clip_id>/<frame>.png`` (8 bit, frame 0..T-1, at
    the size of ``seg_logits``), after the masks of a clip its ``clip.json``,
    and after the last clip of all processes ``<root>/index.json``, which
    lists every clip in the folder that is whole. The index is removed before
    the first mask is written, so a dump that was cut off has none.

    Several dumps, of other subsets or splits, may share a folder. To go on
    with one that was cut off, predict the clips alone for which
    :meth:`is_written` says False, or call :meth:`write_index` if there are
    none.

    Args:
        root (str): Folder to write into.
        config_hash (str): SHA-256 of the config that predicts.
        checkpoint_hash (str): SHA-256 of the checkpoint's file, see
            ``mmavs.fingerprint.hash_file``.
        soft (bool): Write ``round(255 * score)`` instead of 0 and 255.
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
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, collect_dir)
        self.root = Path(root)
        self.soft = soft
        self._header = {
            'config_hash': config_hash,
            'checkpoint_hash': checkpoint_hash,
            'mode': 'soft' if soft else 'hard',
        }
        self._started = False

    def is_written(self, clip: Mapping) -> bool:
        """Say whether this very dump has written a clip already.

        Args:
            clip (Mapping): ``subset``, ``clip_id``, ``split`` and
                ``num_frames``, for example of ``AVSBenchDataset``.

        Returns:
            bool: Whether all its masks are there and come from the same
            config, checkpoint and mode.
        """
        folder = self._folder(clip)
        try:
            text = (folder / RECORD_NAME).read_text(encoding='utf-8')
        except FileNotFoundError:
            return False
        record = json.loads(text)
        expected = {**self._header, 'split': clip['split']}
        return expected.items() <= record.items() and all(
            (folder / f'{t}.png').is_file() for t in range(clip['num_frames'])
        )

    def remove_leftovers(self, clip: Mapping) -> None:
        """Remove files half written when an earlier dump was killed.

        Not while another process may write this clip.

        Args:
            clip (Mapping): As for :meth:`is_written`.
        """
        for path in self._folder(clip).glob('.*'):
            path.unlink(missing_ok=True)

    def process_clip(self, frames: list[dict]) -> ClipEntry:
        """Write the masks of one clip.

        Args:
            frames (list[dict]): T samples with ``seg_logits``.

        Returns:
            ClipEntry: What identifies the clip.
        """
        if not self._started:
            (self.root / INDEX_NAME).unlink(missing_ok=True)
            self._started = True
        first = frames[0]
        folder = self._folder(first)
        (folder / RECORD_NAME).unlink(missing_ok=True)
        masks = grey_masks(stack_logits(frames), soft=self.soft)
        for index, mask in enumerate(masks):
            with atomic_path(folder / f'{index}.png') as temporary:
                Image.fromarray(mask).save(temporary)
        record = {
            'subset': first['subset'],
            'clip_id': first['clip_id'],
            'split': first['split'],
            'num_frames': len(frames),
            'protocol': _protocol(self._header['mode'], masks.shape[1:]),
            **self._header,
        }
        write_json(folder / RECORD_NAME, record)
        return ClipEntry(
            sample_idx=first['sample_idx'],
            subset=first['subset'],
            clip_id=first['clip_id'],
            num_frames=len(frames),
        )

    def compute_clip_metrics(
        self, entries: list[ClipEntry]
    ) -> dict[str, float]:
        """Write the index; there is nothing to report.

        Args:
            entries (list[ClipEntry]): One per clip, in dataset order.

        Returns:
            dict[str, float]: Empty.
        """
        self._started = False
        self.write_index()
        return {}

    def write_index(self) -> None:
        """List all clips in the folder that are whole, whoever wrote them.

        The top level of the index describes the dump written last, each clip
        the one that it comes from.
        """
        clips = [
            json.loads(path.read_text(encoding='utf-8'))
            for path in sorted(self.root.glob(f'*/*/{RECORD_NAME}'))
        ]
        write_json(self.root / INDEX_NAME, {**self._header, 'clips': clips})

    def _folder(self, clip: Mapping) -> Path:
        return self.root / clip['subset'] / clip['clip_id']


def grey_masks(logits: torch.Tensor, *, soft: bool = False) -> np.ndarray:
    """Turn predictions into what :class:`MaskDump` writes.

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


def _protocol(mode: str, size: tuple[int, ...]) -> str:
    """Name how masks were written: 'hard-224', or 'soft-224x160' (h, w)."""
    sides = size[:1] if size[0] == size[1] else size
    return f'{mode}-{"x".join(map(str, sides))}'

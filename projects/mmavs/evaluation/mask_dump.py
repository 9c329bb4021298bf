"""Predicted masks as files: the end of stage one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from mmseg.registry import METRICS
from PIL import Image

from mmavs.atomic_file import atomic_path
from mmavs.datasets.mask_directory import INDEX_NAME

from .clip_logits import stack_logits
from .clip_metric import ClipEntry, ClipMetric
from .functional import sounding_mask, sounding_score


@METRICS.register_module()
class MaskDump(ClipMetric[ClipEntry]):
    """Write every predicted mask and an index of them; needs no truth.

    Writes ``<root>/<subset>/<clip_id>/<frame>.png`` (8 bit, frame 0..T-1, at
    the size of ``seg_logits``) and, after the last clip of all processes,
    ``<root>/index.json``. Without the index a folder is incomplete; the index
    of an earlier dump is removed before the first mask is written.

    Args:
        root (str): Folder to write into.
        config_hash (str): SHA-256 of the config that predicts.
        checkpoint_hash (str): SHA-256 of the checkpoint's file, see
            :func:`hash_file`.
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

    def process_clip(self, frames: list[dict]) -> ClipEntry:
        """Write the masks of one clip.

        Args:
            frames (list[dict]): T samples with ``seg_logits``.

        Returns:
            ClipEntry: The clip's line of the index.
        """
        if not self._started:
            (self.root / INDEX_NAME).unlink(missing_ok=True)
            self._started = True
        first = frames[0]
        folder = self.root / first['subset'] / first['clip_id']
        for index, mask in enumerate(self._to_uint8(stack_logits(frames))):
            with atomic_path(folder / f'{index}.png') as temporary:
                Image.fromarray(mask).save(temporary)
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
        clips = [
            {
                'subset': entry.subset,
                'clip_id': entry.clip_id,
                'num_frames': entry.num_frames,
            }
            for entry in entries
        ]
        index = {**self._header, 'clips': clips}
        with atomic_path(self.root / INDEX_NAME) as temporary:
            temporary.write_text(
                json.dumps(index, indent=1) + '\n', encoding='utf-8'
            )
        return {}

    def _to_uint8(self, logits: torch.Tensor) -> np.ndarray:
        """(T, C, h, w) logits -> (T, h, w) uint8 masks."""
        if self.soft:
            masks = (255 * sounding_score(logits)).round()
        else:
            masks = 255 * sounding_mask(logits)
        return masks.to(torch.uint8).cpu().numpy()


def hash_file(path: str) -> str:
    """Return the SHA-256 of a file's bytes.

    Args:
        path (str): For example a checkpoint.

    Returns:
        str: 64 hexadecimal digits.
    """
    with open(path, 'rb') as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_config(config: dict) -> str:
    """Return the SHA-256 of a config's content, whatever its key order.

    Args:
        config (dict): For example ``cfg.to_dict()``.

    Returns:
        str: 64 hexadecimal digits.
    """
    text = json.dumps(config, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()

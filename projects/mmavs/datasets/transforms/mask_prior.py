"""Give a clip the masks that stage two stands on."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...structures import UNLABELLED
from ..degraded_mask import degrade_mask, error_field
from ..mask_directory import read_mask

#: Sets these draws apart from those of other transforms.
_SALT = 4


@TRANSFORMS.register_module()
class LoadMaskPrior(BaseTransform):
    """Add where sound is said to come from, before stage two looks.

    Published stage two trains with the truth and validates and tests with
    masks that stage one predicted (https://arxiv.org/abs/2407.11820, section
    3.2; behaviour follows ``Stepping-Stones@de6a17b:avss/avs_model.py``,
    reimplemented, no code taken). Each pipeline says which it takes;
    ``'truth'`` in testing is the paper's oracle, ``'degraded'`` in testing
    its simulated first stages (section 4.3, Table 2), and ``'files'`` or
    ``'degraded'`` in training are options beyond the paper.

    Required keys: ``masks`` (so put it after ``LoadClipMasks``) or
    ``mask_prior_paths``; for ``'degraded'`` also ``rng_seed``. Added key:
    ``mask_prior`` (T, h, w) float32 in [0, 1], at the size of the truth or
    of the files.

    Args:
        source (str): ``'truth'``: 1 where the label is not background, and 0
            all over in frames without a label, whose published labels are
            empty images (no loss sees those frames either way);
            ``'degraded'``: that with errors, of the given ``iou`` in every
            labelled frame, see :func:`degrade_mask`; frames of a clip share
            one field of errors;
            ``'files'``: grey PNG files / 255, hard or soft, from the data
            set's ``data_prefix['mask_prior']``.
        iou (float | Sequence[float] | None): With ``'degraded'`` alone. One
            value in [0, 1]: errors depend on the data set's seed and on the
            clip alone, and are the same in every epoch. Two values (low,
            high): every epoch draws others, and each clip's IoU between the
            two.

    Raises:
        ValueError: If ``source`` is none of these, or ``iou`` is missing,
            out of place or out of range.
    """

    def __init__(
        self,
        source: Literal['truth', 'degraded', 'files'] = 'truth',
        *,
        iou: float | Sequence[float] | None = None,
    ) -> None:
        if source not in ('truth', 'degraded', 'files'):
            raise ValueError(
                "source must be 'truth', 'degraded' or 'files', got "
                f'{source!r}'
            )
        if (source == 'degraded') != (iou is not None):
            raise ValueError(
                "source='degraded' needs iou, and no other source takes it; "
                f'got source={source!r}, iou={iou!r}'
            )
        self.source = source
        self.iou = None if iou is None else _as_range(iou)
        self.redraw = iou is not None and not isinstance(iou, (int, float))

    def transform(self, results: dict) -> dict:
        """Load the prior.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with ``mask_prior``.

        Raises:
            FileNotFoundError: If a mask is missing.
            ValueError: If a mask cannot be read, the masks of the clip
                differ in size, or the keys above are missing.
        """
        if self.source == 'files':
            results['mask_prior'] = self._from_files(results)
        elif self.source == 'degraded':
            results['mask_prior'] = self._degraded(results)
        else:
            results['mask_prior'] = self._from_truth(results)
        return results

    def _from_truth(self, results: dict) -> np.ndarray:
        if 'masks' not in results:
            raise ValueError(
                f'LoadMaskPrior(source={self.source!r}) needs the labels of '
                f'clip {results.get("clip_id")!r}: put it after LoadClipMasks.'
            )
        masks = results['masks']
        return ((masks != 0) & (masks != UNLABELLED)).astype(np.float32)

    def _degraded(self, results: dict) -> np.ndarray:
        truth = self._from_truth(results) > 0
        is_labelled = (results['masks'] != UNLABELLED).any((1, 2))
        rng = self._rng(results)
        iou = rng.uniform(*self.iou)
        height, width = truth.shape[1:]
        field = error_field((height, width), rng)
        prior = [
            degrade_mask(mask, field, iou=iou) if labelled else mask
            for mask, labelled in zip(truth, is_labelled, strict=True)
        ]
        return np.stack(prior).astype(np.float32)

    def _rng(self, results: dict) -> np.random.Generator:
        """Draw for the clip by its name: its place differs among subsets."""
        if 'rng_seed' not in results:
            raise ValueError(
                "LoadMaskPrior(source='degraded') needs results['rng_seed'] "
                '(seed, epoch, sample_idx), which AVSBenchDataset sets; got '
                f'keys {sorted(results)}'
            )
        seed, epoch, _ = results['rng_seed']
        name = f'{results["subset"]}/{results["clip_id"]}'.encode()
        drawn = [seed, zlib.crc32(name), _SALT]
        return np.random.default_rng([*drawn, epoch] if self.redraw else drawn)

    def _from_files(self, results: dict) -> np.ndarray:
        if 'mask_prior_paths' not in results:
            raise ValueError(
                "LoadMaskPrior(source='files') needs the masks of clip "
                f'{results.get("clip_id")!r}: set data_prefix=dict('
                'mask_prior=DIR) of the data set, DIR being what '
                'tools/test.py --dump-masks wrote.'
            )
        masks = [
            read_mask(results, path) for path in results['mask_prior_paths']
        ]
        sizes = sorted({mask.shape for mask in masks})
        if len(sizes) > 1:
            raise ValueError(
                f'masks of clip {results["clip_id"]!r} must have one size, '
                f'got {sizes} in {results["mask_prior_paths"][0]} and beside '
                'it.'
            )
        return np.stack(masks).astype(np.float32) / 255


def _as_range(iou: float | Sequence[float]) -> tuple[float, float]:
    bounds = (iou, iou) if isinstance(iou, (int, float)) else tuple(iou)
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= 1:
        raise ValueError(
            'iou must be in [0, 1], or (low, high) with 0 <= low <= high <= '
            f'1, got {iou!r}'
        )
    return bounds

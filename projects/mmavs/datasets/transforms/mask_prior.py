"""Give a clip the masks that stage two stands on."""

from __future__ import annotations

from typing import Literal

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...structures import UNLABELLED
from ..mask_directory import read_mask


@TRANSFORMS.register_module()
class LoadMaskPrior(BaseTransform):
    """Add where sound is said to come from, before stage two looks.

    Published stage two trains with the truth and validates and tests with
    masks that stage one predicted (https://arxiv.org/abs/2407.11820, section
    3.2; behaviour follows ``Stepping-Stones@de6a17b:avss/avs_model.py``,
    reimplemented, no code taken). Each pipeline says which it takes;
    ``'truth'`` in testing is the paper's oracle, ``'files'`` in training an
    option beyond the paper.

    Required keys: ``masks`` (so put it after ``LoadClipMasks``) or
    ``mask_prior_paths``. Added key: ``mask_prior`` (T, h, w) float32 in
    [0, 1], at the size of the truth or of the files.

    Args:
        source (str): ``'truth'``: 1 where the label is not background, and 0
            all over in frames without a label, whose published labels are
            empty images (no loss sees those frames either way);
            ``'files'``: grey PNG files / 255, hard or soft, from the data
            set's ``data_prefix['mask_prior']``.

    Raises:
        ValueError: If ``source`` is neither.
    """

    def __init__(self, source: Literal['truth', 'files'] = 'truth') -> None:
        if source not in ('truth', 'files'):
            raise ValueError(
                f"source must be 'truth' or 'files', got {source!r}"
            )
        self.source = source

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
        if self.source == 'truth':
            results['mask_prior'] = self._from_truth(results)
        else:
            results['mask_prior'] = self._from_files(results)
        return results

    def _from_truth(self, results: dict) -> np.ndarray:
        if 'masks' not in results:
            raise ValueError(
                "LoadMaskPrior(source='truth') needs the labels of clip "
                f'{results.get("clip_id")!r}: put it after LoadClipMasks.'
            )
        masks = results['masks']
        return ((masks != 0) & (masks != UNLABELLED)).astype(np.float32)

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

"""Load the mask prior of stage two."""

from __future__ import annotations

import zlib

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...structures import UNLABELLED
from ..degraded_mask import degrade_mask, error_field
from ..mask_file import read_mask
from ..mask_prior_option import MIXTURE, MaskPriorOption

#: Make the draws of errors, and of a mixture's source, independent of each
#: other and of those of other transforms.
_SALT, _MIXTURE_SALT = 4, 5
#: Value of a prior that says nothing, see ``MaskPrior``.
_NO_PRIOR = -1


@TRANSFORMS.register_module()
class LoadMaskPrior(BaseTransform):
    """Add the mask prior, a mask of the sounding pixels that stage two takes.

    The transform takes no arguments. The option ``mask_prior`` of the data
    set (:class:`MaskPriorOption`) selects the source of the prior:

    - ``'truth'``: 1 where the label is not background. Frames without a label
      get a prior of zeros, because their published labels are empty images;
      no loss uses those frames in either case.
    - ``'degraded'``: the truth with simulated errors, so that the prior of
      every labelled frame has the given ``iou`` with the truth, see
      :func:`degrade_mask`. The frames of a clip share one error field. With
      one value of ``iou``, the errors depend on the seed of the data set and
      on the clip, and are the same in every epoch. With two values (low,
      high), every epoch draws new errors, and each clip's IoU from that
      range.
    - ``'files'``: masks that stage one predicted, hard or soft: grey PNG
      files divided by 255.
    - ``'none'``: -1 everywhere, with which ``MaskPrior`` changes nothing, as
      if the clip had no prior. A prior of zeros would instead say that
      nothing sounds.
    - ``'mixture'``: one of these sources, drawn for every clip and epoch with
      the given ``probabilities``. The draws depend on the seed of the data
      set, the epoch and the clip alone, so a resumed training repeats them.
      A mixture with ``'none'`` is dropout of the prior.

    The published stage two trains with the truth and is validated and tested
    with stage one's masks (https://arxiv.org/abs/2407.11820, section 3.2;
    behaviour follows ``Stepping-Stones@de6a17b:avss/avs_model.py``,
    reimplemented, no code taken). Testing with the truth is the paper's
    oracle, testing with ``'degraded'`` its simulated first stages (section
    4.3, Table 2). Training with ``'files'`` or ``'degraded'`` is an option
    beyond the paper; so are ``'none'`` and ``'mixture'``.

    Required keys: ``mask_prior_option``, which ``BaseClipDataset`` sets;
    ``masks`` for all sources but ``'files'`` (added by ``LoadClipMasks``),
    ``rng_seed`` for ``'degraded'`` and ``'mixture'``, ``mask_prior_paths``
    for ``'files'``. Added key: ``mask_prior`` (T, h, w) float32 in [0, 1], or
    -1 without a prior, at the size of the truth or of the files.

    Raises:
        ValueError: If any argument is given.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        if args or kwargs:
            raise ValueError(
                f'LoadMaskPrior takes no arguments, got {args or kwargs}; set '
                "mask_prior=dict(source='truth'|'files'|'degraded', ...) on "
                'the data set instead'
            )

    def transform(self, results: dict) -> dict:
        """Load the prior.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with ``mask_prior``.

        Raises:
            FileNotFoundError: If a mask is missing.
            ValueError: If the data set has no option ``mask_prior``, a mask
                cannot be read, the masks of the clip differ in size, or the
                keys above are missing.
        """
        option: MaskPriorOption | None = results.get('mask_prior_option')
        if option is None:
            raise ValueError(
                'LoadMaskPrior needs the option mask_prior of the data set, '
                f'got none for clip {results.get("clip_id")!r}; set for '
                "example mask_prior=dict(source='files', root=DIR) on a data "
                'set that derives from BaseClipDataset, or remove '
                'LoadMaskPrior from its pipeline.'
            )
        source = option.source
        if source == MIXTURE:
            source = _draw_source(results, option)
        if source == 'files':
            results['mask_prior'] = _from_files(results)
        elif source == 'degraded':
            results['mask_prior'] = _degraded(results, option)
        elif source == 'none':
            size = _labels(results, source).shape
            results['mask_prior'] = np.full(size, _NO_PRIOR, np.float32)
        else:
            results['mask_prior'] = _from_truth(results, source)
        return results


def _draw_source(results: dict, option: MaskPriorOption) -> str:
    """Draw the source of a clip, anew in each epoch."""
    rng = _make_rng(results, salt=_MIXTURE_SALT, redraw=True)
    names, probabilities = zip(*option.probabilities, strict=True)
    # Probabilities may differ from 1 by rounding.
    limits = np.cumsum(probabilities) / np.sum(probabilities)
    return names[int(np.searchsorted(limits, rng.random(), side='right'))]


def _labels(results: dict, source: str) -> np.ndarray:
    if 'masks' not in results:
        raise ValueError(
            f'mask_prior=dict(source={source!r}) needs the labels of '
            f'clip {results.get("clip_id")!r}: put LoadMaskPrior after '
            'LoadClipMasks.'
        )
    return results['masks']


def _from_truth(results: dict, source: str) -> np.ndarray:
    masks = _labels(results, source)
    return ((masks != 0) & (masks != UNLABELLED)).astype(np.float32)


def _degraded(results: dict, option: MaskPriorOption) -> np.ndarray:
    truth = _from_truth(results, 'degraded') > 0
    is_labelled = (results['masks'] != UNLABELLED).any((1, 2))
    rng = _make_rng(results, salt=_SALT, redraw=option.redraw)
    assert option.iou is not None
    iou = rng.uniform(*option.iou)
    height, width = truth.shape[1:]
    field = error_field((height, width), rng)
    prior = [
        degrade_mask(mask, field, iou=iou) if labelled else mask
        for mask, labelled in zip(truth, is_labelled, strict=True)
    ]
    return np.stack(prior).astype(np.float32)


def _make_rng(
    results: dict, *, salt: int, redraw: bool
) -> np.random.Generator:
    """Seed by the clip's name, as its index depends on the chosen subsets."""
    if 'rng_seed' not in results:
        raise ValueError(
            "mask_prior=dict(source='degraded'|'mixture') needs "
            "results['rng_seed'] (seed, epoch, sample_idx), which "
            'BaseClipDataset sets; got keys '
            f'{sorted(results)}'
        )
    seed, epoch, _ = results['rng_seed']
    name = f'{results["subset"]}/{results["clip_id"]}'.encode()
    drawn = [seed, zlib.crc32(name), salt]
    return np.random.default_rng([*drawn, epoch] if redraw else drawn)


def _from_files(results: dict) -> np.ndarray:
    masks = [read_mask(results, path) for path in results['mask_prior_paths']]
    sizes = sorted({mask.shape for mask in masks})
    if len(sizes) > 1:
        raise ValueError(
            f'masks of clip {results["clip_id"]!r} must have one size, got '
            f'{sizes} in {results["mask_prior_paths"][0]} and the files '
            'beside it.'
        )
    return np.stack(masks).astype(np.float32) / 255

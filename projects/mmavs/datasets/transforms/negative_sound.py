"""Train on sounds that nothing in the frames makes."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from .geometry import clip_rng
from .load_waveform import LoadWaveform
from .replace_sound import ReplaceSound


@TRANSFORMS.register_module()
class NegativeSound(BaseTransform):
    """Randomly replace a sound by a negative one, and blank the masks.

    For training only. The model learns that sounds without a source in the
    frames have no mask, as AVSBench-Robust
    (https://arxiv.org/abs/2502.00358) and EASE
    (https://arxiv.org/abs/2609.29121) train. Place it after
    ``LoadClipMasks`` and ``LoadWaveform``, and before the front end; the
    option ``negative_sound`` of :class:`BaseClipDataset` does so.

    Required keys: ``waveform``, ``clip_id``, ``subset``, ``masks``,
    ``rng_seed``; with off-screen sounds also ``offscreen_paths``, which the
    data set adds.

    Changed keys, in a negative: ``waveform`` and ``sound_from`` as in
    :class:`ReplaceSound`, or ``'offscreen'`` and the path in ``audio_path``;
    ``masks`` become 0 in all frames, also in frames without a label, since
    the right mask is known to be empty. A clip's noise is the same in every
    epoch, so that a cache of log-mel does not grow.

    A head with ``skip_silent_clips=True``, as in AAVS's config of MS3, has no
    loss for negatives; set it to False.

    Args:
        prob (float): Probability of a negative, in [0, 1].
        silence (float): Weight of silence in the mixture, at least 0.
        noise (float): Weight of noise in the mixture, at least 0.
        offscreen (float): Weight of off-screen sounds in the mixture, at
            least 0: the sound of another clip of the data set, with nothing
            in common with the clip (:class:`OffscreenSounds`), drawn anew in
            every epoch. For a clip without such a sound its weight is 0, and
            if the others are 0 as well, the clip is not changed. EASE has
            ``prob=0.2, silence=0.25, noise=0.25, offscreen=0.5``.
        salt (int): Number of this transform, see :func:`clip_rng`.

    Raises:
        ValueError: If a value is out of range, or all weights are 0.
    """

    def __init__(
        self,
        prob: float = 0.2,
        *,
        silence: float = 0.5,
        noise: float = 0.5,
        offscreen: float = 0.0,
        salt: int = 6,
    ) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must be in [0, 1], got {prob}')
        weights = dict(silence=silence, noise=noise, offscreen=offscreen)
        if min(weights.values()) < 0 or not any(weights.values()):
            raise ValueError(
                'silence, noise and offscreen must be at least 0 and not all '
                f'0, got {weights}'
            )
        self.prob = prob
        self.weights = weights
        self.salt = salt

    def transform(self, results: dict) -> dict:
        """Make a negative or not.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip.

        Raises:
            ValueError: If there are no masks yet, or there is a mask prior,
                which would show the sources of the clip's own sound; or the
                data set gives no off-screen sounds.
        """
        if 'masks' not in results or 'mask_prior' in results:
            raise ValueError(
                f'clip {results["clip_id"]!r}: NegativeSound expected masks '
                f'and no mask_prior, got {sorted(results)}; put it after '
                'LoadClipMasks, and train stage two without it.'
            )
        rng = clip_rng(results, self.salt)
        if rng.random() >= self.prob:
            return results
        sound = self._draw_sound(results, rng)
        if sound is None:
            return results
        if sound == 'offscreen':
            results = _take_other_sound(results, rng)
        else:
            results = ReplaceSound(sound).transform(results)
        results['masks'] = np.zeros_like(results['masks'])
        return results

    def _draw_sound(
        self, results: dict, rng: np.random.Generator
    ) -> str | None:
        """Draw a kind of sound; None if the clip has none of them."""
        weights = dict(self.weights)
        if weights['offscreen'] and 'offscreen_paths' not in results:
            raise ValueError(
                f'clip {results["clip_id"]!r}: NegativeSound with offscreen='
                f"{weights['offscreen']} expected the key 'offscreen_paths', "
                'found none; use a BaseClipDataset with NegativeSound in its '
                'own pipeline, or set offscreen=0.'
            )
        if not results.get('offscreen_paths'):
            weights['offscreen'] = 0
        left = rng.random() * sum(weights.values())
        for sound, weight in weights.items():
            if left < weight:
                return sound
            left -= weight
        return None

    def __repr__(self) -> str:
        weights = ', '.join(f'{k}={v}' for k, v in self.weights.items())
        return (
            f'{type(self).__name__}(prob={self.prob}, {weights}, '
            f'salt={self.salt})'
        )


def _take_other_sound(results: dict, rng: np.random.Generator) -> dict:
    """Load one of the clip's off-screen sounds in the way of its own."""
    paths = results['offscreen_paths']
    own = results['waveform']
    results['audio_path'] = paths[rng.integers(len(paths))]
    results['sound_from'] = 'offscreen'
    load = LoadWaveform(sample_rate=own.sample_rate, mono=own.mono)
    return load.transform(results)

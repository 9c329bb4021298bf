"""Train on sounds that nothing in the frames makes."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from .geometry import clip_rng
from .replace_sound import ReplaceSound


@TRANSFORMS.register_module()
class NegativeSound(BaseTransform):
    """Randomly replace a sound by silence or noise, and blank the masks.

    For training only. The model learns that sounds without a source in the
    frames have no mask, as AVSBench-Robust
    (https://arxiv.org/abs/2502.00358) and EASE
    (https://arxiv.org/abs/2609.29121) train; there, some negatives are sounds
    of other clips, which this transform does not draw. Place it after
    ``LoadClipMasks`` and ``LoadWaveform``, and before the front end.

    Required keys: ``waveform``, ``clip_id``, ``masks``, ``rng_seed``.

    Changed keys, in a negative: ``waveform`` and ``sound_from`` as in
    :class:`ReplaceSound`; ``masks`` become 0 in all frames, also in frames
    without a label, since the right mask is known to be empty. A clip's noise
    is the same in every epoch, so that a cache of log-mel does not grow.

    A head with ``skip_silent_clips=True``, as in AAVS's config of MS3, has no
    loss for negatives; set it to False.

    Args:
        prob (float): Probability of a negative, in [0, 1].
        silence (float): Weight of silence in the mixture, at least 0.
        noise (float): Weight of noise in the mixture, at least 0.
        salt (int): Number of this transform, see :func:`clip_rng`.

    Raises:
        ValueError: If a value is out of range, or both weights are 0.
    """

    def __init__(
        self,
        prob: float = 0.2,
        *,
        silence: float = 0.5,
        noise: float = 0.5,
        salt: int = 6,
    ) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must be in [0, 1], got {prob}')
        if min(silence, noise) < 0 or silence + noise == 0:
            raise ValueError(
                'silence and noise must be at least 0 and not both 0, got '
                f'{silence} and {noise}'
            )
        self.prob = prob
        self.silence = silence
        self.noise = noise
        self.salt = salt

    def transform(self, results: dict) -> dict:
        """Make a negative or not.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip.

        Raises:
            ValueError: If there are no masks yet, or there is a mask prior,
                which would show the sources of the clip's own sound.
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
        share = self.silence / (self.silence + self.noise)
        sound = 'silence' if rng.random() < share else 'noise'
        results = ReplaceSound(sound).transform(results)
        results['masks'] = np.zeros_like(results['masks'])
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, '
            f'silence={self.silence}, noise={self.noise}, salt={self.salt})'
        )

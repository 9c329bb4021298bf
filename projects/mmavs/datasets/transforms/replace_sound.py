"""Replace the sound of a clip, to test how much a model depends on it."""

from __future__ import annotations

import zlib

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ..waveform import Waveform

#: Sounds that can be made from a clip's own sound.
MADE_SOUNDS = ('silence', 'noise', 'shift')


@TRANSFORMS.register_module()
class ReplaceSound(BaseTransform):
    """Replace a clip's sound by another one of the same length.

    Place it between ``LoadWaveform`` and the front end, so that the front end
    treats the replaced sound as any other. The published negatives of
    AVSBench-Robust (https://arxiv.org/abs/2502.00358) have another front end
    than its positives, so a model may recognise the front end instead of the
    sound.

    Required keys: ``waveform``, ``clip_id``.

    Changed keys: ``waveform``; ``sound_from`` becomes ``sound``.

    Args:
        sound (str): ``'silence'``: zeros. ``'noise'``: white Gaussian noise
            with the RMS of the clip's sound; the seed is the CRC-32 of the
            clip's name, so a clip always has the same noise. ``'shift'``:
            the clip's sound, rolled by half of its length.

    Raises:
        ValueError: If ``sound`` has another value.
    """

    def __init__(self, sound: str) -> None:
        if sound not in MADE_SOUNDS:
            raise ValueError(
                f'ReplaceSound: sound must be one of {MADE_SOUNDS}, got '
                f'{sound!r}; the sound of another clip is an option of the '
                "data set: sound_from='next_clip' or 'offscreen'."
            )
        self.sound = sound

    def transform(self, results: dict) -> dict:
        """Replace the sound.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with the replaced ``waveform``.

        Raises:
            ValueError: If there is no ``waveform``, or it cannot be decoded.
        """
        if 'waveform' not in results:
            raise ValueError(
                f'clip {results["clip_id"]!r}: ReplaceSound expected the key '
                "'waveform', found none; put it after LoadWaveform and "
                'before the front end.'
            )
        waveform: Waveform = results['waveform']
        samples = replace_samples(
            waveform.samples, self.sound, results['clip_id']
        )
        results['waveform'] = Waveform.from_samples(
            samples.T,  # (S,) or (S, C)
            waveform.sample_rate,
            sample_rate=waveform.sample_rate,
            mono=waveform.mono,
            origin=f'{waveform.origin}, replaced ({self.sound})',
        )
        results['sound_from'] = self.sound
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(sound={self.sound!r})'


def replace_samples(
    samples: np.ndarray, sound: str, clip_id: str
) -> np.ndarray:
    """Make a sound of the same length.

    Args:
        samples (np.ndarray): (..., S), nominally in [-1, 1].
        sound (str): One of ``MADE_SOUNDS``, see :class:`ReplaceSound`.
        clip_id (str): Name of the clip, from which noise is seeded.

    Returns:
        np.ndarray: (..., S) float64.
    """
    if sound == 'silence':
        return np.zeros(samples.shape)
    if sound == 'noise':
        rng = np.random.default_rng(zlib.crc32(clip_id.encode()))
        rms = np.sqrt(np.mean(samples**2))
        return rms * rng.standard_normal(samples.shape)
    assert sound == 'shift', sound
    return np.roll(samples, samples.shape[-1] // 2, axis=-1)

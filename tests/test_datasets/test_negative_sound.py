"""Training on silence and noise with blank masks."""

import numpy as np
import pytest
from mmavs.datasets.transforms import NegativeSound, Waveform
from mmavs.structures import UNLABELLED


def make_clip(index=0, epoch=0):
    masks = np.ones((2, 4, 4), np.uint8)
    masks[1] = UNLABELLED
    samples = np.full(100, 0.25)
    return dict(
        clip_id=f'clip{index}',
        rng_seed=(0, epoch, index),
        sound_from='own',
        waveform=Waveform.from_samples(samples, 16000),
        masks=masks,
    )


def sounds(transform, epoch=0):
    """The sound of 400 clips, and whether masks and samples fit to it."""
    made = []
    for index in range(400):
        clip = transform(make_clip(index, epoch))
        made.append(clip['sound_from'])
        is_own = made[-1] == 'own'
        assert clip['masks'].any() == is_own
        assert clip['masks'].dtype == np.uint8
        level = np.abs(clip['waveform'].samples).max()
        assert (level == 0) == (made[-1] == 'silence')
        assert (level == 0.25) == is_own
    return made


def test_share_and_mixture():
    """Of 400 clips 160 negatives, 120 of them silence; 3 sigma is 30."""
    transform = NegativeSound(0.4, silence=3, noise=1)
    made = sounds(transform)
    assert 130 <= 400 - made.count('own') <= 190
    assert 90 <= made.count('silence') <= 150
    assert 20 <= made.count('noise') <= 60
    assert sounds(transform) == made
    assert sounds(transform, epoch=1) != made


def test_ends():
    assert set(sounds(NegativeSound(0))) == {'own'}
    assert set(sounds(NegativeSound(1, noise=0))) == {'silence'}
    assert set(sounds(NegativeSound(1, silence=0))) == {'noise'}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(prob=1.5), r'prob must be in \[0, 1\], got 1.5'),
        (dict(noise=-1), 'at least 0 and not both 0, got 0.5 and -1'),
        (dict(silence=0, noise=0), 'not both 0, got 0 and 0'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        NegativeSound(**options)


def test_needs_masks_and_no_prior():
    clip = make_clip()
    del clip['masks']
    with pytest.raises(ValueError, match="'clip0': .* put it after LoadClip"):
        NegativeSound()(clip)
    clip = dict(make_clip(), mask_prior=np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match='train stage two without it'):
        NegativeSound()(clip)

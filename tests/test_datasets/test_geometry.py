"""All images of a clip get one geometry, drawn from the seed alone."""

import numpy as np
import pytest
from mmavs.datasets.transforms import (
    ClipColorJitter,
    ClipRandomCrop,
    ClipRandomFlip,
    ClipResize,
    ClipResizeCenterCrop,
    ClipScaleJitter,
)
from PIL import Image

RANDOM = (ClipRandomFlip, ClipRandomCrop, ClipColorJitter)


def _clip(seed=(0, 0, 0), num_frames=3):
    """Images whose pixel values give their column, in two sizes."""
    columns = np.arange(60, dtype=np.uint8) * 4
    frames = np.tile(columns[None, None, :, None], (num_frames, 40, 1, 3))
    coarse = np.arange(30, dtype=np.uint8) * 8
    masks = np.tile(coarse[None, None], (num_frames, 20, 1))
    return dict(
        frames=frames,
        masks=masks,
        mask_prior=masks.astype(np.float32),
        rng_seed=seed,
    )


def test_resize_equals_pillow_and_each_size_is_its_own():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 40, 60, 3), dtype=np.uint8)
    masks = rng.integers(0, 71, (2, 20, 30), dtype=np.uint8)
    prior = rng.random((2, 20, 30), dtype=np.float32)
    clip = dict(frames=frames, masks=masks, mask_prior=prior)
    results = ClipResize((16, 24), (8, 10))(dict(clip))
    assert results['mask_size'] == (8, 10)
    bilinear, nearest = Image.Resampling.BILINEAR, Image.Resampling.NEAREST
    for key, size, filter_ in (
        ('frames', (24, 16), bilinear),
        ('masks', (10, 8), nearest),
        ('mask_prior', (10, 8), bilinear),
    ):
        expected = [
            np.asarray(Image.fromarray(item).resize(size, filter_))
            for item in clip[key]
        ]
        np.testing.assert_array_equal(results[key], expected)
        assert results[key].dtype == clip[key].dtype


def test_resize_leaves_what_fits_and_needs_no_masks():
    frames = _clip()['frames']
    results = ClipResize((40, 60))(dict(frames=frames))
    np.testing.assert_array_equal(results['frames'], frames)
    assert set(results) == {'frames', 'mask_size'}


@pytest.mark.parametrize(
    ('shape', 'scaled', 'box'),
    [
        # 16:9: 1280 * 224 / 720 = 398.2 -> 398; (398 - 224) / 2 = 87.
        ((720, 1280), (224, 398), (87, 0, 311, 224)),
        # Upright, 4:3: 640 * 224 / 480 = 298.7 -> 298, 74 / 2 = 37.
        ((640, 480), (298, 224), (0, 37, 224, 261)),
        # 100 * 224 / 99 = 226.3 -> 226, 2 / 2 = 1.
        ((99, 100), (224, 226), (1, 0, 225, 224)),
        # 227 - 224 = 3, and round(1.5) = 2.
        ((224, 227), (224, 227), (2, 0, 226, 224)),
        # 229 - 224 = 5, and round(2.5) = 2, as Python rounds.
        ((224, 229), (224, 229), (2, 0, 226, 224)),
        ((224, 225), (224, 225), (0, 0, 224, 224)),
        ((50, 50), (224, 224), (0, 0, 224, 224)),
    ],
)
def test_center_crop_by_hand(shape, scaled, box):
    """The short side is resized to 224, then the long side is cropped."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (1, *shape, 3), dtype=np.uint8)
    masks = rng.integers(0, 71, (1, *shape), dtype=np.uint8)
    results = ClipResizeCenterCrop()(dict(frames=frames, masks=masks))
    assert results['mask_size'] == (224, 224)
    for key, picture, filter_ in (
        ('frames', frames[0], Image.Resampling.BILINEAR),
        ('masks', masks[0], Image.Resampling.NEAREST),
    ):
        expected = Image.fromarray(picture).resize(scaled[::-1], filter_)
        np.testing.assert_array_equal(results[key][0], expected.crop(box))
        assert results[key].dtype == np.uint8


def test_center_crop_has_one_geometry_for_pictures_of_all_sizes():
    """A prior stored as a square covers the same region as the frames."""
    view = np.zeros((1, 90, 160), dtype=np.uint8)
    view[:, :, 35:125] = 1  # the centre 90 x 90
    square = np.array(Image.fromarray(view[0]).resize((64, 64), 0))[None]
    results = ClipResizeCenterCrop(frame_size=90, mask_size=45)(
        dict(
            frames=np.repeat(view[..., None], 3, -1),
            masks=square,
            mask_prior=square.astype(np.float32),
        )
    )
    assert results['frames'].shape == (1, 90, 90, 3)
    assert results['frames'].all()
    assert results['masks'].shape == results['mask_prior'].shape == (1, 45, 45)
    # The square has pixels of 2.5; 45 of 80 columns start at 17.5 -> 18.
    assert results['masks'][:, :, 1:-1].all()
    assert results['mask_prior'][:, :, 2:-2].min() == 1


@pytest.mark.parametrize(
    'transform',
    [
        ClipResize((24, 32), (224, 224)),
        ClipResize((24, 32), (7, 11)),
        ClipResizeCenterCrop(24, 13),
        ClipRandomFlip(prob=1.0),
        ClipRandomCrop(scale=(0.3, 0.7)),
        ClipColorJitter(),
    ],
)
def test_frames_without_a_label_stay_255_all_over(transform):
    """The labelled frames get no 255."""
    clip = _clip()
    clip['masks'] //= 4  # 0..58
    clip['masks'][1] = 255
    masks = transform(clip)['masks']
    assert (masks[1] == 255).all()
    assert masks[[0, 2]].max() <= 58


def test_flip_mirrors_all_pictures():
    clip = _clip()
    results = ClipRandomFlip(prob=1.0)(dict(clip))
    assert results['flipped'] is True
    for key in ('frames', 'masks', 'mask_prior'):
        np.testing.assert_array_equal(results[key], clip[key][:, :, ::-1])


def test_flip_happens_as_often_as_asked():
    flip = ClipRandomFlip(prob=0.25)
    flips = [flip(_clip((0, 0, i), 1))['flipped'] for i in range(400)]
    # 400 draws at 1/4: mean 100, standard deviation 8.7.
    assert 70 < sum(flips) < 130


def test_crop_cuts_the_same_part_of_frames_and_masks():
    """Crops agree up to half a pixel of either size."""
    for index in range(50):
        results = ClipRandomCrop(scale=(0.3, 0.9))(_clip((0, 0, index)))
        frame_left = results['frames'][0, 0, 0, 0] / 4 / 60
        frame_right = (results['frames'][0, 0, -1, 0] / 4 + 1) / 60
        mask_left = results['masks'][0, 0, 0] / 8 / 30
        mask_right = (results['masks'][0, 0, -1] / 8 + 1) / 30
        tolerance = 0.5 / 60 + 0.5 / 30
        assert abs(frame_left - mask_left) <= tolerance
        assert abs(frame_right - mask_right) <= tolerance
        np.testing.assert_array_equal(results['masks'], results['mask_prior'])
        assert (results['frames'] == results['frames'][:1]).all()


def test_crop_keeps_the_asked_share():
    """Half of each side: 40 x 60 -> 20 x 30, up to rounding."""
    results = ClipRandomCrop(scale=(0.5, 0.5))(_clip())
    top, left, bottom, right = results['crop_box']
    assert (bottom - top, right - left) == pytest.approx((0.5, 0.5))
    height, width = results['frames'].shape[1:3]
    assert abs(height - 20) <= 1
    assert abs(width - 30) <= 1


def test_crop_never_leaves_an_empty_mask():
    clip = _clip()
    clip['masks'] = clip['masks'][:, :1, :1]
    results = ClipRandomCrop(scale=(0.01, 0.01))(clip)
    assert results['masks'].shape == (3, 1, 1)


def test_jitter_of_a_grey_clip_is_its_brightness():
    """Contrast and saturation do not change a clip of one grey value."""
    clip = dict(
        frames=np.full((2, 4, 4, 3), 100, dtype=np.uint8), rng_seed=(1, 2, 3)
    )
    factor = np.random.default_rng([1, 2, 3, 3]).uniform(0.5, 1.5)
    frames = ClipColorJitter(brightness=0.5)(clip)['frames']
    assert frames.dtype == np.uint8
    assert (frames == round(100 * factor)).all()


def test_jitter_of_width_0_changes_nothing():
    clip = _clip()
    results = ClipColorJitter(0, 0, 0)(dict(clip))
    np.testing.assert_array_equal(results['frames'], clip['frames'])


def test_jitter_leaves_the_masks():
    clip = _clip()
    results = ClipColorJitter(0.9, 0.9, 0.9)(dict(clip))
    assert (results['frames'] != clip['frames']).any()
    np.testing.assert_array_equal(results['masks'], clip['masks'])


@pytest.mark.parametrize('transform', RANDOM)
def test_draws_depend_on_seed_epoch_clip_and_salt_alone(transform):
    def _run(seed, **kwargs):
        return transform(**kwargs)(_clip(seed))

    def _equal(one, other):
        keys = ('frames', 'masks')
        return all(np.array_equal(one[key], other[key]) for key in keys)

    assert _equal(_run((5, 6, 7)), _run((5, 6, 7)))
    for change in (
        [(i, 6, 7) for i in range(10)],
        [(5, i, 7) for i in range(10)],
        [(5, 6, i) for i in range(10)],
    ):
        first, *others = (_run(seed) for seed in change)
        assert not all(_equal(first, other) for other in others)
    salted = [_run((5, 6, 7), salt=salt) for salt in range(10)]
    assert not all(_equal(salted[0], other) for other in salted[1:])


@pytest.mark.parametrize('transform', RANDOM)
def test_random_transforms_need_a_seed(transform):
    clip = _clip()
    del clip['rng_seed']
    with pytest.raises(ValueError, match=r"need results\['rng_seed'\].*BaseC"):
        transform()(clip)


@pytest.mark.parametrize(
    ('transform', 'kwargs', 'message'),
    [
        (ClipResizeCenterCrop, dict(mask_size=0), r'least 1, got 224 and 0'),
        (ClipRandomFlip, dict(prob=1.5), r'prob must be in \[0, 1\], got 1.5'),
        (ClipRandomCrop, dict(scale=(0.8, 0.5)), r'got \(0.8, 0.5\)'),
        (ClipRandomCrop, dict(scale=(0, 1)), r'scale must be .*got \(0, 1\)'),
        (ClipColorJitter, dict(contrast=2), r'got \(0.2, 2, 0.2\)'),
    ],
)
def test_wrong_arguments_are_named(transform, kwargs, message):
    with pytest.raises(ValueError, match=message):
        transform(**kwargs)


def test_scale_jitter_resizes_all_pictures_by_one_factor():
    """s in [0.5, 0.5]: r = 0.5 * min(24 / 40, 48 / 60) = 0.3 -> 12 x 18."""
    results = ClipScaleJitter((24, 48), scale=(0.5, 0.5))(_clip())
    assert results['frames'].shape == (3, 12, 18, 3)
    assert results['masks'].shape == (3, 12, 18)
    assert results['mask_prior'].shape == (3, 12, 18)


def test_scale_jitter_draws_from_seed_epoch_and_clip():
    """Rows are uniform between the bounds: 4 (0.1 * 40) and 80 (2 * 40)."""
    jitter = ClipScaleJitter((40, 60))
    rows = [len(jitter(_clip((0, 0, n)))['frames'][0]) for n in range(60)]
    again = [len(jitter(_clip((0, 0, n)))['frames'][0]) for n in range(60)]
    assert rows == again
    assert 4 <= min(rows) < 10
    assert 74 < max(rows) <= 80


def test_scale_jitter_leaves_a_pixel():
    tiny = ClipScaleJitter((1, 1), scale=(0.1, 0.1))(_clip())
    assert tiny['frames'].shape == (3, 1, 1, 3)


@pytest.mark.parametrize('scale', [(0, 1), (2, 1)])
def test_wrong_scales(scale):
    with pytest.raises(ValueError, match='0 < low <= high, got'):
        ClipScaleJitter((8, 8), scale=scale)

"""Labels with simulated errors have the requested IoU."""

import numpy as np
import pytest
import torch
from mmavs.datasets.degraded_mask import degrade_mask, error_field
from mmavs.evaluation.functional import frame_iou
from scipy.ndimage import distance_transform_edt

SIZE = (60, 80)


def _field(seed=0):
    return error_field(SIZE, np.random.default_rng(seed))


def _disc(radius, centre=(30, 40)):
    rows, columns = np.indices(SIZE)
    distance = np.hypot(rows - centre[0], columns - centre[1])
    return distance < radius


def _iou(degraded, truth):
    masks = (torch.from_numpy(mask)[None] for mask in (degraded, truth))
    return float(frame_iou(*masks))


def test_errors_come_where_the_field_is_extreme():
    """A = 4; one missed, one marked: (4 - 1) / (4 + 1) = 0.6."""
    mask = np.array([[1, 1, 1, 1, 0, 0, 0, 0]], dtype=bool)
    field = np.array([[-5, 0, 0, 0, 0, 0, 0, 5]], dtype=float)
    degraded = degrade_mask(mask, field, iou=0.6)
    assert degraded.astype(int).tolist() == [[0, 1, 1, 1, 0, 0, 0, 1]]


def test_a_frame_in_which_nothing_sounds():
    """The metric scores silent pixels: 1 - 3 / 12 = 0.75."""
    field = np.arange(12.0).reshape(3, 4)
    degraded = degrade_mask(np.zeros((3, 4), dtype=bool), field, iou=0.75)
    assert np.flatnonzero(degraded).tolist() == [9, 10, 11]
    assert _iou(degraded, np.zeros((3, 4), dtype=bool)) == 0.75


def test_a_frame_in_which_everything_sounds():
    """No pixel can be marked wrongly: (12 - 3) / 12 = 0.75."""
    field = np.arange(12.0).reshape(3, 4)
    degraded = degrade_mask(np.ones((3, 4), dtype=bool), field, iou=0.75)
    assert np.flatnonzero(~degraded).tolist() == [0, 1, 2]


@pytest.mark.parametrize('iou', [0, 0.05, 0.3, 0.5, 0.8, 0.97, 1])
@pytest.mark.parametrize(
    'mask',
    [
        _disc(12),
        _disc(3, (0, 0)),
        _disc(8, (15, 15)) | _disc(5, (45, 70)),
        ~_disc(10),
        _disc(1),  # one pixel
        np.zeros(SIZE, dtype=bool),
        np.ones(SIZE, dtype=bool),
    ],
    ids=['disc', 'corner', 'two', 'hole', 'pixel', 'silent', 'full'],
)
def test_iou_is_met_to_half_a_pixel(mask, iou):
    area = np.count_nonzero(mask) or mask.size
    for seed in range(3):
        reached = _iou(degrade_mask(mask, _field(seed), iou=iou), mask)
        assert abs(reached - iou) <= 0.5 / area + 1e-6


def test_as_much_is_missed_as_marked():
    """(A - n) / (A + n) = 0.5, so n is A / 3."""
    mask = _disc(12)
    for seed in range(5):
        degraded = degrade_mask(mask, _field(seed), iou=0.5)
        missed = np.count_nonzero(mask & ~degraded) / np.count_nonzero(mask)
        marked = np.count_nonzero(~mask & degraded) / np.count_nonzero(mask)
        assert missed == pytest.approx(1 / 3, abs=0.05)
        assert marked == pytest.approx(1 / 3, abs=0.1)


def test_few_errors_lie_at_the_outline_and_many_do_not():
    mask = _disc(12)
    distance = np.where(
        mask, distance_transform_edt(mask), distance_transform_edt(~mask)
    )
    furthest = [
        distance[degrade_mask(mask, _field(), iou=iou) != mask].max()
        for iou in (0.95, 0.3)
    ]
    assert furthest[0] <= 4
    assert furthest[1] >= 8


def test_the_field_is_smooth_and_of_its_seed_alone():
    field = _field(3)
    assert field.shape == SIZE
    assert np.abs([field.mean(), field.std() - 1]).max() < 1e-9
    assert np.abs(np.diff(field)).mean() < 0.25  # 0.8 for white noise
    np.testing.assert_array_equal(field, _field(3))
    assert not np.array_equal(field, _field(4))

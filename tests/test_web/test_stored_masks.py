"""Masks at any threshold from what is stored."""

import numpy as np
import pytest
from mmavs.web import OWN_THRESHOLD, StoredMasks

#: One row of four pixels; the third score is a threshold itself.
SCORES = np.array([[0.0, 0.299, 0.6, 1.0]], np.float32)


def _store(folder, mask, num_classes):
    masks = StoredMasks(folder / 'masks', num_classes)
    masks.add(np.array([mask], np.uint8), SCORES)
    return masks


def _at(masks, threshold):
    ((mask, _),) = masks.at(threshold)
    assert mask.dtype == np.uint8
    return mask[0].tolist()


def test_two_classes_are_marked_where_the_score_is_greater(tmp_path):
    masks = _store(tmp_path, [0, 1, 0, 1], num_classes=2)
    assert _at(masks, 0.0) == [0, 1, 1, 1]
    assert _at(masks, 0.29) == [0, 1, 1, 1]
    assert _at(masks, 0.3) == [0, 0, 1, 1]
    assert _at(masks, 0.6) == [0, 0, 0, 1]
    assert _at(masks, 1.0) == [0, 0, 0, 0]


def test_every_threshold_is_exact(tmp_path):
    masks = StoredMasks(tmp_path / 'masks', 2)
    score = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    score[0] = np.arange(50, dtype=np.float32) / np.float32(50)
    masks.add(np.zeros((40, 50), np.uint8), score)
    for threshold in [n / 100 for n in range(101) if n != 50]:
        ((mask, _),) = masks.at(threshold)
        np.testing.assert_array_equal(mask, score > np.float32(threshold))


def test_the_own_threshold_gives_the_models_masks(tmp_path):
    masks = _store(tmp_path, [0, 1, 0, 1], num_classes=2)
    assert _at(masks, OWN_THRESHOLD) == [0, 1, 0, 1]


def test_named_classes_only_disappear(tmp_path):
    masks = _store(tmp_path, [0, 7, 70, 3], num_classes=71)
    assert _at(masks, 0.1) == [0, 7, 70, 3]
    assert _at(masks, 0.5) == [0, 7, 70, 3]
    assert _at(masks, 0.7) == [0, 0, 0, 3]


def test_scores_are_exact_to_half_a_hundredth(tmp_path):
    masks = StoredMasks(tmp_path / 'masks', 2)
    score = np.random.default_rng(0).random((5, 7)).astype(np.float32)
    masks.add(np.zeros((5, 7), np.uint8), score)
    ((_, stored),) = masks.at(0.5)
    assert np.abs(stored - score).max() <= 0.005 + 1e-6


@pytest.mark.parametrize('threshold', [-0.01, 1.01, 0.505, float('nan')])
def test_other_thresholds_are_refused(tmp_path, threshold):
    masks = _store(tmp_path, [0, 1, 0, 1], num_classes=2)
    with pytest.raises(ValueError, match='from 0 to 1 in steps of 0.01, got'):
        next(masks.at(threshold))

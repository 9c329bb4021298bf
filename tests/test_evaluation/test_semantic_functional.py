"""Scores per class: hand-worked numbers and a naive implementation."""

import warnings

import numpy as np
import pytest
import torch
from mmavs.evaluation.semantic_functional import (
    ClassAreas,
    class_iou_and_f,
    count_class_areas,
    dataset_scores,
    frame_averaged_scores,
    frame_miou,
)
from mmseg.evaluation.metrics import IoUMetric
from support.predicted_clips import seeded_ids


def _ids(*frames):
    """Frames of one row of pixels each: (N, 1, W)."""
    return torch.tensor(frames)[:, None]


#: Two frames of 4 pixels and 4 classes; class 3 is nowhere.
#: frame 0: class 0 common 1, predicted 2, true 1; class 1 common 2,
#:          predicted 2, true 3.
#: frame 1: class 0 common 1, predicted 1, true 2; class 1 predicted 1, true
#:          0; class 2 common 1, predicted 2, true 2.
PRED = _ids([0, 0, 1, 1], [0, 1, 2, 2])
TRUTH = _ids([0, 1, 1, 1], [0, 2, 2, 0])


def _areas():
    return count_class_areas(PRED, TRUTH, num_classes=4)


def test_areas_by_hand():
    areas = _areas()
    np.testing.assert_array_equal(areas.common, [[1, 2, 0, 0], [1, 0, 1, 0]])
    np.testing.assert_array_equal(
        areas.predicted, [[2, 2, 0, 0], [1, 1, 2, 0]]
    )
    np.testing.assert_array_equal(areas.true, [[1, 3, 0, 0], [2, 0, 2, 0]])


def test_frame_averages_by_hand():
    """Class 1 is predicted alone in frame 1: 0 there, and counted.

    IoU: class 0 (1/2 + 1/2) / 2; class 1 (2/3 + 0) / 2; class 2 (1/3) / 1.
    F = 1.3 C / (0.3 T + P): class 0 (1.3/2.3 + 1.3/1.6) / 2;
    class 1 (2.6/2.9 + 0) / 2; class 2 1.3/2.6.
    """
    scores = frame_averaged_scores(_areas())
    assert scores.num_frames.tolist() == [2, 2, 1, 0]
    assert scores.iou == pytest.approx([1 / 2, 1 / 3, 1 / 3, 0], abs=1e-15)
    assert scores.f_score == pytest.approx(
        [(1.3 / 2.3 + 1.3 / 1.6) / 2, 1.3 / 2.9, 0.5, 0], abs=1e-15
    )


def test_padded_frames_by_hand():
    """Three frames of background: class 0 (1/2 + 1/2 + 3) / 5, others kept."""
    plain = frame_averaged_scores(_areas())
    padded = frame_averaged_scores(_areas(), num_padded=3)
    assert padded.num_frames.tolist() == [5, 2, 1, 0]
    assert padded.iou[0] == pytest.approx(4 / 5, abs=1e-15)
    f_score = (1.3 / 2.3 + 1.3 / 1.6 + 3) / 5
    assert padded.f_score[0] == pytest.approx(f_score, abs=1e-15)
    np.testing.assert_array_equal(padded.iou[1:], plain.iou[1:])
    np.testing.assert_array_equal(padded.f_score[1:], plain.f_score[1:])


def test_padding_equals_scoring_such_frames():
    pred = torch.cat([PRED, torch.zeros(3, 1, 4, dtype=torch.int64)])
    truth = torch.cat([TRUTH, torch.zeros(3, 1, 4, dtype=torch.int64)])
    real = frame_averaged_scores(count_class_areas(pred, truth, num_classes=4))
    added = frame_averaged_scores(_areas(), num_padded=3)
    for left, right in zip(real, added, strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-15)


def test_dataset_totals_by_hand():
    """Totals: class 0 C 2 P 3 T 3; class 1 C 2 P 3 T 3; class 2 C 1 P 2 T 2.

    IoU 2/4, 2/4, 1/3; F 2.6/3.9, 2.6/3.9, 1.3/2.6.
    """
    scores = dataset_scores(_areas())
    assert scores.iou == pytest.approx([1 / 2, 1 / 2, 1 / 3, 0], abs=1e-15)
    assert scores.f_score == pytest.approx([2 / 3, 2 / 3, 1 / 2, 0])
    assert scores.num_frames.tolist() == [2, 2, 1, 0]


def test_miou_of_a_frame_by_hand():
    """Frame 0: (1/2 + 2/3) / 2. Frame 1: (1/2 + 0 + 1/3) / 3."""
    expected = [7 / 12, 5 / 18]
    assert frame_miou(_areas()) == pytest.approx(expected, abs=1e-15)


def _naive(pred, truth, num_classes, beta_squared=0.3):
    """Loop over frames and classes, with precision and recall."""
    ious = [[] for _ in range(num_classes)]
    f_scores = [[] for _ in range(num_classes)]
    for frame_pred, frame_truth in zip(pred, truth, strict=True):
        for index in range(num_classes):
            is_pred, is_true = frame_pred == index, frame_truth == index
            union = int((is_pred | is_true).sum())
            if union == 0:
                continue
            common = int((is_pred & is_true).sum())
            ious[index].append(common / union)
            if common == 0:
                f_scores[index].append(0.0)
                continue
            precision = common / int(is_pred.sum())
            recall = common / int(is_true.sum())
            f_scores[index].append(
                (1 + beta_squared)
                * precision
                * recall
                / (beta_squared * precision + recall)
            )
    means = [
        [sum(values) / len(values) if values else 0.0 for values in scores]
        for scores in (ious, f_scores)
    ]
    return *means, [len(values) for values in ious]


@pytest.mark.parametrize('classes', [(1, 2, 3), tuple(range(1, 71))])
def test_equal_to_a_naive_loop(classes):
    pred, truth = seeded_ids(
        7, classes=classes, num_frames=12, num_objects=3, silent=[2, 5]
    )
    areas = count_class_areas(pred, truth, num_classes=71)
    scores = frame_averaged_scores(areas)
    iou, f_score, num_frames = _naive(pred, truth, 71)
    np.testing.assert_allclose(scores.iou, iou, rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.f_score, f_score, rtol=0, atol=1e-12)
    assert scores.num_frames.tolist() == num_frames
    assert (scores.iou > 0).sum() >= 3


def test_dataset_totals_are_those_of_mmseg():
    pred, truth = seeded_ids(8, num_frames=12)
    areas = count_class_areas(pred, truth, num_classes=71)
    frames = zip(pred, truth, strict=True)
    parts = [IoUMetric.intersect_and_union(*f, 71, 255) for f in frames]
    totals = map(sum, zip(*parts, strict=True))
    theirs = IoUMetric.total_area_to_metrics(
        *totals, ['mIoU', 'mFscore'], beta=0.3**0.5
    )
    ours = dataset_scores(areas)
    is_seen = ours.num_frames > 0
    assert is_seen.tolist() == (~np.isnan(theirs['IoU'])).tolist()
    iou, f_score = theirs['IoU'], np.nan_to_num(theirs['Fscore'])
    np.testing.assert_allclose(ours.iou[is_seen], iou[is_seen], atol=1e-6)
    np.testing.assert_allclose(ours.f_score, f_score, atol=1e-6)


def test_absent_classes_score_zero_without_a_warning():
    nothing = ClassAreas(*np.zeros((3, 5), dtype=np.int64))
    with warnings.catch_warnings():
        # Those of numpy; others may come of what earlier tests left.
        warnings.simplefilter('error', RuntimeWarning)
        for scores in class_iou_and_f(nothing):
            assert scores.tolist() == [0.0] * 5


def test_any_integer_type_gives_the_same_areas():
    """The index of a pair of 8-bit ids must not overflow."""
    pred, truth = seeded_ids(9)
    wide = count_class_areas(pred, truth, num_classes=71)
    narrow = count_class_areas(pred.byte(), truth.byte(), num_classes=71)
    for left, right in zip(wide, narrow, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    ('pred', 'truth', 'text'),
    [
        (PRED[:1], TRUTH, r'got \(1, 1, 4\) and \(2, 1, 4\)'),
        (PRED[0], TRUTH[0], r'shape \(N, H, W\), got \(1, 4\)'),
        (PRED + 2, TRUTH, r'prediction must hold class ids 0..3, got 2..4'),
        (PRED, TRUTH - 1, r'truth must hold class ids 0..3, got -1..1'),
    ],
)
def test_wrong_ids_are_refused(pred, truth, text):
    with pytest.raises(ValueError, match=text):
        count_class_areas(pred, truth, num_classes=4)

"""Figures of the robustness protocol, by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from mmavs.evaluation import PredictedMasks
from mmavs.evaluation.predicted_masks import MaskEntry, consistency
from mmavs.evaluation.robustness import (
    PredictedArea,
    area_figures,
    harmonic_score,
    mask_consistency,
    summarise,
)
from support.predicted_clips import as_dicts, predicted_frames, predicted_ids


def test_predicted_area_by_hand():
    """Clip a has 4 and 0 of 20 pixels (10 %), clip b 9 of 20 (45 %).

    FPR = (.2 + 0 + .45) / 3; S = (sqrt .1 + sqrt .45) / 2.
    AUC_N: a counts for i >= 2 (19 of 20), b for i >= 9 (12 of 20).
    """
    clips = [PredictedArea((4, 0), 20), PredictedArea((9,), 20)]
    assert area_figures(clips) == dict(
        FPR=pytest.approx(0.65 / 3),
        S=pytest.approx((0.31622777 + 0.67082039) / 2),
        EMPTY=0,
        AUC_N=31 / 40,
    )


def test_nothing_and_everything():
    nothing = area_figures([PredictedArea((0, 0), 6)] * 3)
    assert nothing == dict(FPR=0, S=0, EMPTY=1, AUC_N=1)
    everything = area_figures([PredictedArea((6, 6), 6)])
    assert everything == dict(FPR=1, S=1, EMPTY=0, AUC_N=1 / 20)


@pytest.mark.parametrize(('predicted', 'empty'), [(1, 1.0), (2, 0.0)])
def test_empty_is_less_than_a_thousandth(predicted, empty):
    """2 of 2000 pixels are not less."""
    figures = area_figures([PredictedArea((predicted, 0), 1000)])
    assert figures['EMPTY'] == empty


@pytest.mark.parametrize('i', range(1, 21))
def test_a_share_of_exactly_a_threshold_counts(i):
    """Whole numbers: 3 * 0.05 is more than 0.15 in floating point."""
    figures = area_figures([PredictedArea((i * 35,), 700)])
    assert figures['AUC_N'] == (21 - i) / 20


def test_consistency_by_hand():
    first = np.array([[[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1, 0, 0, 0]]]) > 0
    second = np.array([[[0, 1, 1, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]]) > 0
    ious = [1 / 3, 1, 0]
    assert mask_consistency(first, second).tolist() == ious
    assert mask_consistency(second, first).tolist() == ious
    assert mask_consistency(first, first).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match='one shape'):
        mask_consistency(first, second[:2])


def test_g_figures_by_hand():
    """P = .8 and N = (.2 + .4 + .6) / 3 = .4: G = 2 * .8 * .6 / 1.4."""
    scores = dict(original=0.8, silence=0.2, noise=0.4, offscreen=0.6)
    conditions = {
        name: {
            'split/mIoU': score,
            'split/F': 0.5,
            'split/mIoU_no_bg': 0.1,
            'FPR': score / 2,
        }
        for name, score in scores.items()
    }
    # A condition that is no negative does not count.
    conditions['shift'] = {'split/mIoU': 0.9, 'split/F': 0.9, 'FPR': 0.9}
    assert summarise(conditions) == {
        'split/G-mIoU': pytest.approx(0.96 / 1.4),
        'split/G-F': pytest.approx(0.5),
        'G-FPR': pytest.approx(0.2),
    }
    del conditions['noise']
    with pytest.raises(ValueError, match=r"\['noise'\] missing"):
        summarise(conditions)


def test_g_at_its_ends():
    assert harmonic_score(1.0, 0.0) == 1
    assert harmonic_score(1.0, 1.0) == 0
    assert harmonic_score(0.0, 1.0) == 0


def evaluate(clips, classes):
    metric = PredictedMasks()
    metric.dataset_meta = dict(classes=classes)
    for clip in clips:
        metric.process({}, as_dicts(clip))
    return metric, metric.evaluate(len(clips))


def test_masks_of_a_binary_model_are_kept():
    """Five pixels do not fill a byte; a tie is not predicted."""
    logits = torch.zeros(2, 2, 1, 5)
    logits[0, 1, 0, :2] = 1
    logits[1, 0] = 1
    other = -logits
    runs = []
    for given in (logits, other):
        frames = predicted_frames(given, None)
        runs.append(evaluate([frames], ('background', 'sounding')))
    (first, figures), (second, _) = runs
    (entry,) = first.entries
    assert entry.masks.tolist() == [
        [[True, True, False, False, False]],
        [[False] * 5],
    ]
    assert figures['FPR'] == pytest.approx(2 / 10)
    # Of the other: frame 0 none, frame 1 all.
    assert second.entries[0].area == PredictedArea((0, 5), 5)
    assert consistency(first.entries, first.entries) == 1
    assert consistency(first.entries, second.entries) == 0


def test_consistency_of_some_of_the_clips():
    """Only the clips of the other run count: 1 of 2 pixels in common."""
    first, second = (
        MaskEntry(i, 'v1m', f'clip{i}', 1, np.packbits(bits).tobytes(), (1, 4))
        for i, bits in enumerate(([1, 0, 0, 0], [1, 1, 0, 0]))
    )
    other = replace(second, sample_idx=0, bits=np.packbits([1, 0]).tobytes())
    assert consistency([first, second], [other]) == 0.5


def test_masks_of_a_semantic_model_are_all_classes_but_the_background():
    ids = torch.tensor([[[0, 1, 2, 0]], [[0, 0, 0, 2]]])
    metric, figures = evaluate([predicted_ids(ids, None)], tuple('abc'))
    assert metric.entries[0].area.frames == (2, 1)
    assert figures['FPR'] == pytest.approx(3 / 8)


def test_data_without_classes():
    with pytest.raises(ValueError, match='at least 2 classes'):
        evaluate([predicted_frames(torch.zeros(1, 2, 1, 1), None)], ())

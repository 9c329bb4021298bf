"""Scores of one frame: hand-worked numbers and naive loops."""

import math

import pytest
import torch
from mmavs.evaluation.functional import (
    _reached_thresholds,
    ease_score,
    f_thresholds,
    frame_f_curves,
    frame_iou,
    sounding_mask,
    sounding_score,
)
from support.predicted_clips import seeded_clip


def _bools(*rows):
    return torch.tensor(rows, dtype=torch.bool)[None]


def test_iou_by_hand():
    # 2 pixels in common, 4 in either one.
    pred = _bools([1, 1, 1], [0, 0, 0])
    truth = _bools([0, 1, 1], [0, 0, 1])
    assert frame_iou(pred, truth).tolist() == [2 / 4]


def test_iou_of_a_silent_frame_is_the_share_left_empty():
    truth = _bools([0, 0, 0], [0, 0, 0])
    # 6 pixels, 2 of them wrongly predicted.
    assert frame_iou(_bools([1, 0, 0], [0, 1, 0]), truth).item() == 4 / 6
    assert frame_iou(truth, truth).item() == 1
    assert frame_iou(~truth, truth).item() == 0


def test_iou_of_an_object_wholly_missed_is_zero():
    truth = _bools([1, 0, 0], [0, 0, 0])
    assert frame_iou(torch.zeros_like(truth), truth).item() == 0


def test_iou_does_not_mix_frames():
    _, truth = seeded_clip(0, channels=1, num_frames=4, silent=[2])
    _, pred = seeded_clip(1, channels=1, num_frames=4)
    singly = [frame_iou(pred[[t]], truth[[t]]).item() for t in range(4)]
    assert frame_iou(pred, truth).tolist() == singly
    assert len(set(singly)) == 4


def test_ease_score_depends_on_the_range_of_its_frame():
    """The first frame's differences are in [0, 1], the second's are not."""
    background = torch.tensor([[[0.5, 0.25]], [[0.0, 2.0]]])
    sounding = torch.tensor([[[0.75, 1.25]], [[0.5, 1.0]]])
    expected = torch.tensor(
        [[[0.25, 1.0]], [[1 / (1 + math.exp(-0.5)), 1 / (1 + math.e)]]]
    )
    two = ease_score(torch.stack([background, sounding], 1))
    one = ease_score((sounding - background)[:, None])
    torch.testing.assert_close(two, expected)
    assert torch.equal(one, two)


def test_thresholds_end_at_exactly_one():
    """A last threshold below 1 would accept scores slightly below 1."""
    thresholds = f_thresholds()
    assert thresholds.dtype == torch.float32
    assert len(thresholds) == 255
    assert thresholds[0] == 0
    assert thresholds[-1] == 1
    assert thresholds[1].item() == pytest.approx(1 / 254, rel=1e-6)


def test_f_curve_by_hand():
    # Truth: 2 of 4 pixels. Predicted pixels (of them true) at a threshold:
    #   t <= 0.1: 4 (2)  P = 1/2 R = 1    F = 1.3 * .5 / (.15 + 1) = 0.65/1.15
    #   t <= 0.4: 3 (2)  P = 2/3 R = 1    F = 1.3 * 2/3 / (.2 + 1) = 13/18
    #   t <= 0.6: 2 (1)  P = 1/2 R = 1/2  F = 1.3 * 1/4 / (.65)    = 1/2
    #   t <= 0.9: 1 (1)  P = 1   R = 1/2  F = 1.3 * 1/2 / (.8)     = 13/16
    #   above   : 0                       F = 0
    score = torch.tensor([[[0.9, 0.6], [0.4, 0.1]]])
    truth = _bools([1, 0], [1, 0])
    curves, valid = frame_f_curves(score, truth)
    assert valid.tolist() == [True]
    expected = []
    for index in range(255):
        threshold = index / 254
        steps = [
            (0.1, 0.65 / 1.15),
            (0.4, 13 / 18),
            (0.6, 0.5),
            (0.9, 13 / 16),
        ]
        expected.append(next((f for s, f in steps if threshold <= s), 0.0))
    assert curves[0].tolist() == pytest.approx(expected, abs=1e-12)
    assert curves.max().item() == pytest.approx(13 / 16)


def test_thresholds_are_counted_as_by_a_search():
    """At every threshold, and at the three floats on either side of it."""
    thresholds = f_thresholds()
    near = [thresholds]
    for end in (-math.inf, math.inf):
        score = thresholds
        for _ in range(3):
            score = score.nextafter(torch.tensor(end))
            near.append(score)
    score = torch.cat([*near, torch.rand(9999)])[None, None]
    expected = torch.bucketize(score, thresholds, right=True)
    assert _reached_thresholds(score).equal(expected.int())


def test_a_score_equal_to_a_threshold_passes_it():
    """``score >= threshold``, in float32, at every one of the 255."""
    thresholds = f_thresholds()
    score = thresholds.reshape(1, 15, 17)
    curves, _ = frame_f_curves(score, torch.ones(1, 15, 17).bool())
    # All pixels are true: P = 1 and R = Y / 255, Y = 255 - k pixels pass.
    num_pass = 255 - torch.arange(255).double()
    expected = 1.3 * num_pass / (0.3 * 255 + num_pass)
    torch.testing.assert_close(curves[0], expected, rtol=1e-12, atol=0)
    # The float32 just below a threshold does not pass it: one pixel less at
    # every threshold but 0, which all scores pass.
    below = torch.nextafter(score, torch.tensor(-1.0)).clamp(min=0)
    curves, _ = frame_f_curves(below, torch.ones(1, 15, 17).bool())
    num_pass[1:] -= 1
    expected = 1.3 * num_pass / (0.3 * 255 + num_pass)
    torch.testing.assert_close(curves[0], expected, rtol=1e-12, atol=0)


def test_an_empty_truth_is_not_valid_and_adds_nothing():
    score = torch.full((2, 2, 2), 0.5)
    truth = torch.zeros(2, 2, 2, dtype=torch.bool)
    truth[1, 0, 0] = True
    curves, valid = frame_f_curves(score, truth)
    assert valid.tolist() == [False, True]
    assert curves[0].tolist() == [0.0] * 255
    assert curves[1].max() > 0


def _naive_f(score, truth):
    """One frame at each threshold by the formula of the papers."""
    values = []
    for threshold in f_thresholds():
        pred = score >= threshold
        common = (pred & truth).sum().item()
        precision = common / (pred.sum().item() + 1e-20)
        recall = common / (truth.sum().item() + 1e-20)
        bottom = 0.3 * precision + recall
        top = 1.3 * precision * recall
        values.append(top / bottom if bottom else 0.0)
    return values


@pytest.mark.parametrize('scale', [1.0, 20.0])
def test_f_curves_equal_a_naive_loop(scale):
    logits, truth = seeded_clip(3, channels=2, scale=scale, silent=[1, 4])
    score = sounding_score(logits)
    curves, valid = frame_f_curves(score, truth)
    assert valid.tolist() == [True, False, True, True, False]
    for index in (0, 2, 3):
        naive = _naive_f(score[index], truth[index])
        assert curves[index].tolist() == pytest.approx(naive, abs=1e-12)


def test_iou_equals_a_naive_loop():
    logits, truth = seeded_clip(4, channels=1, silent=[0])
    pred = sounding_mask(logits)
    naive = []
    for frame in range(5):
        common = either = agree = 0
        for p, t in zip(
            pred[frame].flatten().tolist(),
            truth[frame].flatten().tolist(),
            strict=True,
        ):
            common += p and t
            either += p or t
            agree += not p and not t
        silent = not truth[frame].any()
        naive.append(agree / (24 * 32) if silent else common / either)
    assert frame_iou(pred, truth).tolist() == naive


def test_score_of_two_channels_by_hand():
    # sigmoid(2 * S1 - S0): S0 = 1, S1 = 0.5 -> sigmoid(0) = 0.5
    #                       S0 = 0, S1 = 1   -> sigmoid(2)
    logits = torch.tensor([[[[1.0, 0.0]], [[0.5, 1.0]]]])
    expected = [0.5, 1 / (1 + math.exp(-2))]
    assert sounding_score(logits).flatten().tolist() == pytest.approx(expected)
    # The hard mask is the argmax, not score > 0.5.
    assert sounding_mask(logits).flatten().tolist() == [False, True]


def test_ties_are_not_sounding():
    assert not sounding_mask(torch.zeros(1, 1, 2, 2)).any()
    assert not sounding_mask(torch.ones(1, 2, 2, 2)).any()
    assert sounding_mask(torch.full((1, 1, 2, 2), 1e-3)).all()


@pytest.mark.parametrize('channels', [1, 2])
def test_score_is_the_float32_sigmoid(channels):
    """Including saturation: a score of 1 passes the last threshold."""
    logits, _ = seeded_clip(5, channels=channels, scale=12.0)
    logit = logits[:, 0] if channels == 1 else 2 * logits[:, 1] - logits[:, 0]
    score = sounding_score(logits)
    assert (score == 1).any()
    assert score.dtype == torch.float32
    assert ((score == 1) == (torch.sigmoid(logit) == 1)).all()
    torch.testing.assert_close(score, torch.sigmoid(logit), rtol=0, atol=3e-7)


def test_score_of_half_precision_logits_is_taken_in_float32():
    logits, _ = seeded_clip(6, channels=2)
    half = logits.half()
    assert torch.equal(sounding_score(half), sounding_score(half.float()))


def test_score_does_not_depend_on_the_place_in_the_tensor():
    """SIMD kernels process the last elements of a tensor separately."""
    logit = torch.linspace(-12, 12, 1003)
    whole = sounding_score(logit.reshape(1, 1, 17, 59)).flatten()
    singly = [sounding_score(x.reshape(1, 1, 1, 1)).item() for x in logit]
    assert whole.tolist() == singly


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r'got \(5, 71, 4, 4\)'):
        sounding_mask(torch.zeros(5, 71, 4, 4))
    with pytest.raises(ValueError, match=r'\(2, 4, 4\) and \(2, 4, 5\)'):
        frame_iou(torch.zeros(2, 4, 4).bool(), torch.zeros(2, 4, 5).bool())
    with pytest.raises(ValueError, match='got torch.float32'):
        frame_iou(torch.zeros(2, 4, 4), torch.zeros(2, 4, 4).bool())
    with pytest.raises(ValueError, match='got torch.float64'):
        frame_f_curves(
            torch.zeros(2, 4, 4).double(), torch.zeros(2, 4, 4).bool()
        )

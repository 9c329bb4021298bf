"""Analyses of clips, and what they say about objects and confusions."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from mmavs.datasets.metainfo import get_metainfo
from mmavs.evaluation import AVSBinaryMetric
from mmavs.evaluation.bootstrap import BINARY_PROTOCOLS
from mmavs.evaluation.clip_analysis import ClipAnalyses, second_loudness
from mmavs.evaluation.object_statistics import (
    Confusion,
    bin_objects,
    largest_confusions,
    list_objects,
    silent_frames,
)
from mmavs.evaluation.semantic_functional import ClassAreas
from support.predicted_clips import (
    as_dicts,
    predicted_frames,
    predicted_ids,
    seeded_clip,
)


@pytest.fixture
def sound(tmp_path):
    """Two seconds at 8 kHz: a square wave of 0.1, then silence."""
    samples = np.zeros(16000)
    samples[:8000] = np.tile([0.1, -0.1], 4000)
    soundfile.write(tmp_path / 'a.wav', samples, 8000, subtype='FLOAT')
    return str(tmp_path / 'a.wav')


def with_sound(samples, sound):
    for sample in samples:
        sample.set_metainfo(dict(audio_path=sound))
    return as_dicts(samples)


def test_loudness_by_hand():
    """RMS 0.1 is -20 dBFS, 1 is 0; then silence, then nothing."""
    samples = np.concatenate([np.full(10, 0.1), np.ones(10), np.zeros(10)])
    levels = second_loudness(samples[:, None], 10, 4)
    assert levels[:2] == pytest.approx((-20, 0))
    assert levels[2:] == (-math.inf, -math.inf)


def test_binary_clips_keep_the_scores_of_the_metric(sound):
    logits, truth = seeded_clip(0, channels=2, num_frames=2)
    frames = with_sound(predicted_frames(logits, truth), sound)
    metric = ClipAnalyses()
    metric.dataset_meta = get_metainfo('binary')
    entry = metric.process_clip(frames)
    expected = AVSBinaryMetric(BINARY_PROTOCOLS).process_clip(frames)
    assert entry.scores == expected
    assert entry.frame_scores == list(expected.frame_iou)
    assert entry.loudness == (pytest.approx(-20, abs=1e-4), -math.inf)
    pred = logits[:, 1] > logits[:, 0]
    missed = int((~pred & truth.bool()).sum())
    assert entry.confusion[1].tolist() == [missed, int(truth.sum()) - missed]


def test_semantic_clip_by_hand(sound):
    """Four pixels; class 2 is taken for class 1 in half of its pixels."""
    truth = torch.tensor([[[2, 2, 0, 0]], [[0, 0, 0, 0]]])
    pred = torch.tensor([[[2, 1, 0, 0]], [[0, 0, 0, 1]]])
    metric = ClipAnalyses()
    metric.dataset_meta = dict(classes=('background', 'a', 'b'))
    frames = with_sound(predicted_ids(pred, truth), sound)
    metric.compute_clip_metrics([metric.process_clip(frames)])
    (entry,) = metric.entries
    # Frame 0: background 1, a 0, b 1/2; frame 1: background 3/4, a 0.
    assert entry.frame_scores == pytest.approx([0.5, 0.375])
    assert entry.score == pytest.approx(0.4375)
    assert entry.confusion.tolist() == [[5, 1, 0], [0, 0, 0], [0, 1, 1]]
    objects = list_objects([entry, entry])
    # One object in each clip: b, half of its frame.
    assert objects.iou.tolist() == [0.5, 0.5]
    assert objects.area.tolist() == [0.5, 0.5]
    assert objects.loudness == pytest.approx([-20, -20], abs=1e-4)
    # Frame 1 is silent: one of four pixels is predicted.
    assert silent_frames([entry]) == (1, 0.25)


def test_no_silent_frame():
    areas = ClassAreas(*[np.array([[3, 1]])] * 3)
    count, share = silent_frames([SimpleNamespace(areas=areas)])
    assert count == 0
    assert math.isnan(share)


def test_bins_by_hand():
    """Values 0 and 1 share a bin, 2 starts the next, the last is empty."""
    iou = np.array([0.2, 0.4, 1.0])
    bins = bin_objects(iou, np.array([0.0, 1.0, 2.0]), (0, 2, 4, 8))
    assert [each.num_objects for each in bins] == [2, 1, 0]
    assert bins[0].mean == pytest.approx(0.3)
    # Quartiles of two values lie a quarter of their distance inside.
    assert bins[0].quartiles == pytest.approx((0.25, 0.35))
    assert bins[1].mean == 1
    assert math.isnan(bins[2].mean)


def test_bins_take_silence():
    (low, _) = bin_objects(
        np.ones(1), np.array([-math.inf]), (-math.inf, -50, math.inf)
    )
    assert low.num_objects == 1


def test_confusions_by_hand():
    """Shares 3/4 and 1/8; the diagonal and empty classes are left out."""
    confusion = np.array([[7, 1, 0], [0, 0, 0], [6, 0, 2]])
    assert largest_confusions(confusion, 5) == [
        Confusion(2, 0, 0.75, 6),
        Confusion(0, 1, 0.125, 1),
    ]
    assert len(largest_confusions(confusion, 1)) == 1

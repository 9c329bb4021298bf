"""AVSBinaryMetric: hand-worked protocols, several processes, errors."""

import csv
import json

import pytest
import torch
from mmavs.evaluation import AVSBinaryMetric
from mmengine.evaluator import Evaluator
from mmseg.registry import METRICS
from support.forked import run_in_two_processes
from support.predicted_clips import (
    as_dicts,
    predicted_frames,
    seeded_clip,
)

ALL_PROTOCOLS = [
    *('split', 'stepping_stones', 'avsbench-bs2', 'avsbench-bs4', 'frame')
]
#: sample_idx -> frames with an empty truth; clip 3 never sounds.
SILENT = {0: [], 1: [0, 2], 2: [4], 3: range(5), 4: []}


def _clip(sample_idx):
    logits, truth = seeded_clip(
        sample_idx, channels=2, silent=SILENT[sample_idx]
    )
    return predicted_frames(logits, truth, sample_idx=sample_idx)


def _evaluate(metric, clips):
    for clip in clips:
        metric.process({}, as_dicts(clip))
    return metric.evaluate(len(clips))


def _four_pixels(scores, truth, sample_idx):
    """A clip of frames (1, 4) with one-channel logits of given scores."""
    return predicted_frames(
        torch.logit(torch.tensor(scores))[:, None, None],
        torch.tensor(truth)[:, None],
        sample_idx=sample_idx,
    )


def test_classes_are_merged_by_hand():
    """Four pixels, truth classes 0, 2, 1, 1; predicted 0, 1, 1, 0.

    A confusion of classes 1 and 2 is no error of the localisation: two of
    three sounding pixels are found, and no other. Their scores are sigmoid(2
    * 3 - 0) each.
    """
    logits = torch.tensor(
        [
            [[3.0, 0.0, 0.0, 2.0]],
            [[0.0, 3.0, 3.0, 1.0]],
            [[1.0, 2.0, -1.0, 0.0]],
        ]
    )
    clip = predicted_frames(
        logits[None], torch.tensor([[[0, 2, 1, 1]]]), sample_idx=0
    )
    found = _evaluate(AVSBinaryMetric(merge_classes=True), [clip])
    assert found['split/mIoU'] == pytest.approx(2 / 3)
    # sigmoid(2 * 1 - 2) = 0.5 of the last pixel, and sigmoid(2 * 1 - 3) of
    # the silent one, so thresholds between find all three and no other.
    assert found['split/F'] == pytest.approx(1)
    unlabelled = predicted_frames(
        logits[None], torch.tensor([[[0, 2, 255, 1]]]), sample_idx=0
    )
    with pytest.raises(ValueError, match='255|label'):
        _evaluate(AVSBinaryMetric(merge_classes=True), [unlabelled])


def test_protocols_by_hand():
    """Three clips whose best thresholds differ.

    Frames have 4 pixels. With one true pixel and a hit, F at Y predicted
    pixels is 1.3 / (0.3 + Y): Y=1 1, Y=4 1.3/4.3.

    a: the true pixel scores .9, the others .4. IoU 1.
       F: 1.3/4.3 up to .4, then 1 up to .9, then 0.
    b: the true pixel scores .3, the others .1. IoU 0.
       F: 1.3/4.3 up to .1, then 1 up to .3, then 0.
    c: frame 0 silent, one pixel of 4 predicted: IoU 3/4, no F.
       frame 1 silent and predicted so: IoU 1, no F.
    """
    clips = [
        _four_pixels([[0.9, 0.4, 0.4, 0.4]], [[1, 0, 0, 0]], 0),
        _four_pixels([[0.3, 0.1, 0.1, 0.1]], [[1, 0, 0, 0]], 1),
        _four_pixels(
            [[0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]],
            [[0, 0, 0, 0], [0, 0, 0, 0]],
            2,
        ),
    ]
    low = 1.3 / 4.3
    metric = AVSBinaryMetric(
        ['split', 'stepping_stones', 'avsbench-bs1', 'avsbench-bs2']
    )
    assert _evaluate(metric, clips) == pytest.approx(
        {
            # Frames: 1, 0, .75, 1. Best mean curve: (low + 1) / 2 on (.1, .3].
            'split/mIoU': 2.75 / 4,
            'split/F': (low + 1) / 2,
            # Clips: 1, 0, .875; F 1, 1 and 0 for the clip without sound.
            'stepping_stones/mIoU': 1.875 / 3,
            'stepping_stones/F': 2 / 3,
            'avsbench-bs1/mIoU': 1.875 / 3,
            'avsbench-bs1/F': 2 / 3,
            # Batches [a, b] and [c]: IoU .5 and .875; F (low + 1)/2 and 0.
            'avsbench-bs2/mIoU': (0.5 + 0.875) / 2,
            'avsbench-bs2/F': (low + 1) / 4,
        },
        abs=1e-12,
    )


def test_a_perfect_prediction_scores_one():
    _, truth = seeded_clip(0, channels=1, silent=[1])
    logits = torch.where(truth, 30.0, -30.0)[:, None]
    metric = AVSBinaryMetric(ALL_PROTOCOLS)
    result = _evaluate(metric, [predicted_frames(logits, truth)])
    # Frame 1 is silent: its F is 0 under 'frame'.
    assert result.pop('frame/F') == pytest.approx(4 / 5)
    assert len(result) == 9
    assert set(result.values()) == {1.0}
    assert metric.metric_names == (*result, 'frame/F')


def test_frame_protocol_by_hand():
    """Two clips of two channels; frames of 4 pixels, one of them true.

    F at Y predicted pixels with the hit is 1.3 / (0.3 + Y).

    a0: d = S1 - S0 is .8 at the true pixel, .9 at another, 0 elsewhere: all
        in [0, 1], so these are the scores. Best at .8: Y = 2, F 1.3/2.3.
        Mask: the two pixels, IoU 1/2.
    a1: silent; one pixel is predicted: IoU 3/4, F 0 and it counts.
    b0: d is 3 at the true pixel, -1, -1, 1 elsewhere: the sigmoid keeps the
        order, Y = 1, F 1. Mask: two pixels, IoU 1/2.
    """
    first = torch.tensor([[0.2, -0.8, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    second = torch.tensor([[1.1, 0.0, 0.0, 0.0], [-1.0, -1.0, 2.0, -1.0]])
    clips = [
        predicted_frames(
            torch.stack([first, second], 1)[:, :, None],
            torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0]])[:, None],
            sample_idx=0,
        ),
        predicted_frames(
            torch.tensor([[[0.0] * 4, [3.0, -1.0, -1.0, 1.0]]])[:, :, None],
            torch.tensor([[1, 0, 0, 0]])[:, None],
            sample_idx=1,
        ),
    ]
    result = _evaluate(AVSBinaryMetric(['frame', 'split']), clips)
    expected = (1 / 2 + 3 / 4 + 1 / 2) / 3
    assert result['frame/mIoU'] == result['split/mIoU']
    assert result['frame/mIoU'] == pytest.approx(expected, abs=1e-12)
    assert result['frame/F'] == pytest.approx(
        (1.3 / 2.3 + 0 + 1) / 3, abs=1e-12
    )


def test_default_does_not_depend_on_batch_size():
    clips = [_clip(i) for i in range(5)]
    metric = AVSBinaryMetric()
    singly = _evaluate(metric, clips)
    metric.process({}, as_dicts([*clips[0], *clips[1], *clips[2]]))
    metric.process({}, as_dicts([*clips[3], *clips[4]]))
    assert metric.evaluate(5) == singly
    assert set(singly) == {'split/mIoU', 'split/F'}
    assert 0 < singly['split/F'] < 1


def test_a_batch_of_the_whole_split_is_the_split_protocol():
    clips = [_clip(i) for i in range(5)]
    result = _evaluate(AVSBinaryMetric(['split', 'avsbench-bs5']), clips)
    assert result['split/mIoU'] == result['avsbench-bs5/mIoU']
    assert result['split/F'] == result['avsbench-bs5/F']


def test_batches_follow_the_dataset_and_not_the_arrival():
    clips = [_clip(i) for i in range(5)]
    metric = AVSBinaryMetric(ALL_PROTOCOLS)
    in_order = _evaluate(metric, clips)
    assert _evaluate(metric, clips[::-1]) == in_order
    assert in_order['avsbench-bs2/F'] != in_order['avsbench-bs4/F']


def test_repeated_clips_count_once():
    """A distributed sampler repeats the first clips to fill the batch."""
    clips = [_clip(i) for i in range(3)]
    metric = AVSBinaryMetric(ALL_PROTOCOLS)
    once = _evaluate(metric, clips)
    for clip in [*clips, clips[0]]:
        metric.process({}, as_dicts(clip))
    assert metric.evaluate(3) == once


def _evaluate_share(rank, folder, shares):
    metric = AVSBinaryMetric(
        ALL_PROTOCOLS, per_clip_csv=f'{folder}/{shares[0]}.csv'
    )
    for index in shares[rank]:
        metric.process({}, as_dicts(_clip(index)))
    result = metric.evaluate(5)
    with open(f'{folder}/{shares[0]}-{rank}.json', 'w') as file:
        # repr of a float is exact, so equal texts mean equal bits.
        json.dump(result, file)


def _evaluate_both_ways(rank, folder):
    for shares in SHARES:
        _evaluate_share(rank, folder, shares)


#: DefaultSampler's interleaving with clip 0 repeated, and blocks that both
#: hold clip 2: cut after five entries in turn, they would lose clip 4.
SHARES = [([0, 2, 4], [1, 3, 0]), ([0, 1, 2], [2, 3, 4])]


def test_two_processes_give_the_numbers_of_one_to_the_last_digit(tmp_path):
    alone = AVSBinaryMetric(
        ALL_PROTOCOLS, per_clip_csv=str(tmp_path / 'alone.csv')
    )
    expected = _evaluate(alone, [_clip(i) for i in range(5)])
    run_in_two_processes(
        _evaluate_both_ways, str(tmp_path / 'rendezvous'), str(tmp_path)
    )
    table = (tmp_path / 'alone.csv').read_bytes()
    for shares in SHARES:
        assert (tmp_path / f'{shares[0]}.csv').read_bytes() == table
        for rank in range(2):
            file = tmp_path / f'{shares[0]}-{rank}.json'
            assert json.loads(file.read_text()) == expected


def test_per_clip_csv(tmp_path):
    path = tmp_path / 'sub' / 'clips.csv'
    clips = [_clip(i) for i in range(5)]
    metric = AVSBinaryMetric(['stepping_stones'], per_clip_csv=str(path))
    result = _evaluate(metric, clips)
    with path.open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['clip_id'] for row in rows] == [f'clip{i}' for i in range(5)]
    assert [row['num_valid_frames'] for row in rows] == list('53405')
    miou = sum(float(row['mIoU']) for row in rows) / 5
    f_score = sum(float(row['F']) for row in rows) / 5
    assert miou == pytest.approx(result['stepping_stones/mIoU'], abs=1e-12)
    assert f_score == pytest.approx(result['stepping_stones/F'], abs=1e-12)
    ious = [float(iou) for iou in rows[1]['frame_iou'].split()]
    assert sum(ious) / 5 == pytest.approx(float(rows[1]['mIoU']), abs=1e-12)
    assert [p.name for p in path.parent.iterdir()] == ['clips.csv']


def test_runs_in_mmengines_evaluator():
    metric = METRICS.build(
        {'type': 'AVSBinaryMetric', 'protocols': ['stepping_stones']}
    )
    evaluator = Evaluator(metric)
    evaluator.process(data_samples=_clip(0), data_batch={})
    assert set(evaluator.evaluate(1)) == {
        'stepping_stones/mIoU',
        'stepping_stones/F',
    }


@pytest.mark.parametrize(
    'protocol', ['avsbench', 'avsbench-bs0', 'avsbench-bs', 'mean', '']
)
def test_unknown_protocol(protocol):
    with pytest.raises(ValueError, match=f"'avsbench-bs4', got '{protocol}'"):
        AVSBinaryMetric([protocol])


@pytest.mark.parametrize('protocols', [[], 'split'])
def test_protocols_must_be_a_list(protocols):
    with pytest.raises(ValueError, match='non-empty list'):
        AVSBinaryMetric(protocols)


def _drop(name):
    def change(sample):
        delattr(sample, name)

    return change


def _put(name, channels, height, width, value):
    def change(sample):
        delattr(sample, name)
        data = torch.full((channels, height, width), value)
        setattr(sample, name, type(sample.pred_sem_seg)(data=data))

    return change


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (_drop('gt_sem_seg'), 'no gt_sem_seg for'),
        (_drop('seg_logits'), 'no seg_logits for'),
        (_put('gt_sem_seg', 1, 24, 32, 128), r'got values \[128\] for'),
        (_put('gt_sem_seg', 1, 24, 32, 255), 'not labelled .*255.*unlabelled'),
        (_put('gt_sem_seg', 1, 12, 32, 1), r'got \(1, 12, 32\) for'),
        (_put('seg_logits', 2, 24, 32, float('nan')), '1536 NaN or infinite'),
        (_put('seg_logits', 71, 24, 32, 0.0), r'got \(71, 24, 32\) for'),
        (_put('seg_logits', 1, 24, 32, 0.0), r'got \(1, 24, 32\) for'),
    ],
)
def test_errors_name_clip_and_frame(change, text):
    clip = _clip(2)
    clip[3].pred_sem_seg = clip[3].gt_sem_seg.clone()
    change(clip[3])
    with pytest.raises(ValueError, match=text) as caught:
        AVSBinaryMetric().process({}, as_dicts(clip))
    assert "frame 3 of clip 'clip2' (v1m)" in str(caught.value)


def test_a_clip_must_be_whole():
    metric = AVSBinaryMetric()
    clip = as_dicts(_clip(0))
    with pytest.raises(ValueError, match=r'frames \[0, 1, 2, 3\] of'):
        metric.process({}, clip[:4])
    with pytest.raises(ValueError, match='got frame 1 of clip'):
        metric.process({}, clip[1:])
    with pytest.raises(ValueError, match=r'sample_idx \[0, 1\]'):
        metric.process({}, clip[:3] + as_dicts(_clip(1))[3:])


def test_a_missing_clip_is_an_error():
    metric = AVSBinaryMetric()
    metric.process({}, as_dicts(_clip(0)))
    with pytest.raises(ValueError, match='expected 2 clips, got 1'):
        metric.evaluate(2)


def test_two_clips_of_one_place_are_an_error():
    """Each of two concatenated data sets counts from 0."""
    metric = AVSBinaryMetric()
    for clip_id in ('a', 'b'):
        clip = predicted_frames(*seeded_clip(0, channels=1), clip_id=clip_id)
        metric.process({}, as_dicts(clip))
    with pytest.raises(ValueError, match='0 belongs to both v1m/a and v1m/b'):
        metric.evaluate(2)

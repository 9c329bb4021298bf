"""AVSSemanticMetric: hand-worked protocols, processes, tables, errors."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmavs.datasets.metainfo import get_metainfo
from mmavs.evaluation import AVSSemanticMetric
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, METRICS
from support.avsbench_tree import ONE_OF_EACH, write_avsbench_tree
from support.forked import run_in_two_processes
from support.predicted_clips import (
    as_dicts,
    predicted_ids,
    seeded_ids,
)

ALL_PROTOCOLS = ['stepping_stones', 'avsbench', 'present', 'dataset']
CONFIGS = Path(__file__).parents[2] / 'configs'
NUM_FRAMES = {0: 5, 1: 10, 2: 5, 3: 10, 4: 5}


def _metric(protocols=ALL_PROTOCOLS, *, classes=None, **kwargs):
    metric = AVSSemanticMetric(protocols, **kwargs)
    metric.dataset_meta = get_metainfo('semantic')
    if classes is not None:
        metric.dataset_meta = {'classes': classes}
    return metric


def _clip(sample_idx):
    num_frames = NUM_FRAMES[sample_idx]
    pred, truth = seeded_ids(sample_idx, num_frames=num_frames, silent=[1])
    subset = 'v2' if num_frames == 10 else 'v1s'
    return predicted_ids(pred, truth, sample_idx=sample_idx, subset=subset)


def _evaluate(metric, clips):
    for clip in clips:
        metric.process({}, as_dicts(clip))
    return metric.evaluate(len(clips))


def _one_row(pred, truth, sample_idx):
    """A clip whose frames are one row of pixels."""
    return predicted_ids(
        torch.tensor(pred)[:, None],
        torch.tensor(truth)[:, None],
        sample_idx=sample_idx,
    )


def test_protocols_by_hand():
    """Two clips, of one and of two frames of 4 pixels; 4 classes.

    frame a0: pred 0011 truth 0111. Class 0 C1 P2 T1, class 1 C2 P2 T3.
    frame b0: pred 0122 truth 0220. Class 0 C1 P1 T2, class 1 C0 P1 T0,
              class 2 C1 P2 T2.
    frame b1: pred 0000 truth 0000. Class 0 C4 P4 T4.
    Class 3 is nowhere. F = 1.3 C / (0.3 T + P).

    stepping_stones IoU: class 0 (1/2 + 1/2 + 1)/3 = 2/3, class 1
      (2/3 + 0)/2 = 1/3, class 2 1/3, class 3 0.
    F: class 0 (1.3/2.3 + 1.3/1.6 + 1)/3, class 1 (2.6/2.9)/2, class 2 1/2.
    present: the same without class 3.
    avsbench: 9 + 8 more frames of background; class 0 (2 + 17)/20 = .95.
    dataset: class 0 C6 P7 T7: 6/8, F 7.8/9.1; class 1 C2 P3 T3: 2/4, F 2/3;
      class 2 C1 P2 T2: 1/3, F 1/2; class 3 takes no part.
    """
    clips = [
        _one_row([[0, 0, 1, 1]], [[0, 1, 1, 1]], 0),
        _one_row([[0, 1, 2, 2], [0] * 4], [[0, 2, 2, 0], [0] * 4], 1),
    ]
    f_0, f_1, f_2 = 1.3 / 2.3 + 1.3 / 1.6 + 1, 1.3 / 2.9, 0.5
    metric = _metric(classes=('background', 'a', 'b', 'c'))
    result = _evaluate(metric, clips)
    assert metric.metric_names == tuple(result)
    assert result == pytest.approx(
        {
            'stepping_stones/mIoU': (2 / 3 + 1 / 3 + 1 / 3 + 0) / 4,
            'stepping_stones/F': (f_0 / 3 + f_1 + f_2) / 4,
            'stepping_stones/mIoU_no_bg': (1 / 3 + 1 / 3 + 0) / 3,
            'stepping_stones/F_no_bg': (f_1 + f_2) / 3,
            'avsbench/mIoU': (0.95 + 1 / 3 + 1 / 3 + 0) / 4,
            'avsbench/F': ((f_0 + 17) / 20 + f_1 + f_2) / 4,
            'avsbench/mIoU_no_bg': (1 / 3 + 1 / 3 + 0) / 3,
            'avsbench/F_no_bg': (f_1 + f_2) / 3,
            # Without class 3, with the background.
            'avsbench/mIoU_noBg_published': (0.95 + 1 / 3 + 1 / 3) / 3,
            'avsbench/F_noBg_published': ((f_0 + 17) / 20 + f_1 + f_2) / 3,
            'present/mIoU': (2 / 3 + 1 / 3 + 1 / 3) / 3,
            'present/F': (f_0 / 3 + f_1 + f_2) / 3,
            'present/mIoU_no_bg': (1 / 3 + 1 / 3) / 2,
            'present/F_no_bg': (f_1 + f_2) / 2,
            'dataset/mIoU': (3 / 4 + 1 / 2 + 1 / 3) / 3,
            'dataset/F': (7.8 / 9.1 + 2 / 3 + 1 / 2) / 3,
            'dataset/mIoU_no_bg': (1 / 2 + 1 / 3) / 2,
            'dataset/F_no_bg': (2 / 3 + 1 / 2) / 2,
        },
        abs=1e-12,
    )


def test_a_perfect_prediction():
    """Classes that occur score 1; others count 0 or are left out."""
    _, truth = seeded_ids(0, silent=[1])
    num_seen = len(truth.unique())
    result = _evaluate(_metric(), [predicted_ids(truth, truth)])
    assert len(result) == 18
    assert result['dataset/mIoU'] == result['dataset/F_no_bg'] == 1
    assert result['present/mIoU'] == result['present/F_no_bg'] == 1
    assert result['stepping_stones/mIoU'] == num_seen / 71
    assert result['stepping_stones/F_no_bg'] == (num_seen - 1) / 70
    assert 1 < num_seen < 71


def test_silence_alone_has_no_dataset_mean_without_background():
    silent = torch.zeros(5, 4, 4, dtype=torch.int64)
    result = _evaluate(_metric(), [predicted_ids(silent, silent)])
    assert math.isnan(result['dataset/mIoU_no_bg'])
    assert math.isnan(result['present/mIoU_no_bg'])
    assert result['dataset/mIoU'] == 1
    assert result['stepping_stones/mIoU_no_bg'] == 0


def test_only_clips_shorter_than_ten_frames_are_padded():
    long, short = (
        [predicted_ids(*seeded_ids(0, num_frames=n), subset=s)]
        for n, s in ((10, 'v2'), (5, 'v1m'))
    )
    result = _evaluate(_metric(), long)
    assert result['avsbench/mIoU'] == result['stepping_stones/mIoU']
    result = _evaluate(_metric(), short)
    assert result['avsbench/mIoU'] > result['stepping_stones/mIoU']
    assert (
        result['avsbench/mIoU_no_bg'] == result['stepping_stones/mIoU_no_bg']
    )


def test_numbers_depend_on_neither_batches_nor_arrival():
    clips = [_clip(i) for i in range(5)]
    metric = _metric()
    singly = _evaluate(metric, clips)
    assert _evaluate(metric, clips[::-1]) == singly
    metric.process({}, as_dicts([*clips[0], *clips[1], *clips[2]]))
    metric.process({}, as_dicts([*clips[3], *clips[4], *clips[0]]))
    assert metric.evaluate(5) == singly
    assert 0 < singly['stepping_stones/mIoU'] < singly['dataset/mIoU'] < 1


def _evaluate_share(rank, folder):
    # DefaultSampler's interleaving, which repeats clip 0.
    share = ([0, 2, 4], [1, 3, 0])[rank]
    metric = _metric(per_class_csv=f'{folder}/two.csv')
    for index in share:
        metric.process({}, as_dicts(_clip(index)))
    with open(f'{folder}/{rank}.json', 'w') as file:
        # repr of a float is exact, so equal texts mean equal bits.
        json.dump(metric.evaluate(5), file)


def test_two_processes_give_the_numbers_of_one_to_the_last_digit(tmp_path):
    metric = _metric(per_class_csv=str(tmp_path / 'one.csv'))
    expected = _evaluate(metric, [_clip(i) for i in range(5)])
    run_in_two_processes(
        _evaluate_share, str(tmp_path / 'rendezvous'), str(tmp_path)
    )
    table = (tmp_path / 'one.csv').read_bytes()
    assert (tmp_path / 'two.csv').read_bytes() == table
    for rank in range(2):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == expected


def test_per_class_csv(tmp_path):
    """The means of its columns equal the metrics."""
    path = tmp_path / 'sub' / 'classes.csv'
    clips = [_clip(i) for i in range(5)]
    result = _evaluate(_metric(per_class_csv=str(path)), clips)
    with path.open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [int(row['class_id']) for row in rows] == list(range(71))
    assert rows[17]['name'] == 'dog'
    # 35 frames, all with background somewhere; three clips are padded by 5.
    assert rows[0]['stepping_stones/num_frames'] == '35'
    assert rows[0]['avsbench/num_frames'] == '50'
    for name in ('stepping_stones', 'avsbench'):
        for column, key in (('IoU', 'mIoU'), ('F', 'F')):
            values = [float(row[f'{name}/{column}']) for row in rows]
            assert np.mean(values) == pytest.approx(
                result[f'{name}/{key}'], abs=1e-12
            )
    assert [p.name for p in path.parent.iterdir()] == ['classes.csv']


def test_per_class_table_is_logged(monkeypatch):
    """Names and percentages of the classes that occur, and no others."""
    logged = []
    monkeypatch.setattr(
        'mmavs.evaluation.semantic_metric.print_log',
        lambda text, logger: logged.append(text),
    )
    metric = _metric(['stepping_stones', 'dataset'], print_per_class=True)
    _evaluate(metric, [_one_row([[0, 0, 17, 17]], [[0, 17, 17, 17]], 0)])
    (text,) = logged
    line = next(line for line in text.splitlines() if 'dog' in line)
    cells = line.replace('|', ' ').split()
    # F = 2.6 / 2.9
    assert cells == ['dog', '1', '66.67', '89.66', '1', '66.67', '89.66']
    assert 'background' in text
    assert 'accordion' not in text


def test_runs_in_mmengines_evaluator():
    metric = METRICS.build({'type': 'AVSSemanticMetric'})
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = get_metainfo('semantic')
    evaluator.process(data_samples=_clip(0), data_batch={})
    assert set(evaluator.evaluate(1)) == {
        f'stepping_stones/{name}'
        for name in ('mIoU', 'F', 'mIoU_no_bg', 'F_no_bg')
    }


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_avss_data_config_feeds_the_metric(tmp_path, split):
    """With its labels as prediction, the classes that occur score 1."""
    cfg = Config.fromfile(CONFIGS / '_base_/datasets/avsbench_avss_384x384.py')
    dataset_cfg = cfg[f'{split}_dataloader'].dataset
    dataset_cfg.data_root = str(write_avsbench_tree(tmp_path))
    init_default_scope('mmseg')
    dataset = DATASETS.build(dataset_cfg)
    assert len(dataset) == len(ONE_OF_EACH) / 3
    metric = METRICS.build(cfg.test_evaluator)
    metric.dataset_meta = dataset.metainfo
    for clip in dataset:
        samples = clip['data_samples']
        for sample in samples:
            sample.pred_sem_seg = sample.gt_sem_seg.clone()
        metric.process({}, as_dicts(samples))
    result = metric.evaluate(len(dataset))
    assert metric.protocols == ('stepping_stones', 'avsbench', 'dataset')
    assert result['dataset/mIoU'] == 1
    # Background, and one class of each of the three clips.
    assert result['stepping_stones/mIoU'] == 4 / 71


def test_unknown_protocol():
    with pytest.raises(ValueError, match=r"'dataset'\), got 'split'"):
        AVSSemanticMetric(['split'])


@pytest.mark.parametrize('protocols', [[], 'dataset'])
def test_protocols_must_be_a_list(protocols):
    with pytest.raises(ValueError, match='non-empty list'):
        AVSSemanticMetric(protocols)


@pytest.mark.parametrize('meta', [None, {}, {'classes': ('background',)}])
def test_class_names_are_needed(meta):
    metric = AVSSemanticMetric()
    metric.dataset_meta = meta
    with pytest.raises(ValueError, match='names of at least 2 classes'):
        metric.process({}, as_dicts(_clip(0)))


def test_clips_longer_than_avsbenchs():
    clip = predicted_ids(*seeded_ids(0, num_frames=11), clip_id='long')
    assert _evaluate(_metric(['stepping_stones', 'dataset']), [clip])
    with pytest.raises(ValueError, match="got 11 frames in clip 'long'"):
        _evaluate(_metric(), [clip])


def _drop(name):
    return lambda sample: delattr(sample, name)


def _put(name, *shape, value):
    def change(sample):
        if name in sample:
            delattr(sample, name)
        setattr(sample, name, PixelData(data=torch.full(shape, value)))

    return change


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (_drop('gt_sem_seg'), 'no gt_sem_seg for'),
        (_drop('pred_sem_seg'), 'no pred_sem_seg for'),
        (_put('gt_sem_seg', 1, 24, 32, value=71), r'gt_sem.*0..70, .*71..71'),
        (_put('gt_sem_seg', 1, 24, 32, value=255), 'not labelled .*255.*unla'),
        (_put('pred_sem_seg', 1, 24, 32, value=-1), r'pred_sem.*-1..-1 for'),
        (_put('gt_sem_seg', 1, 12, 32, value=1), r'\(24, 32\), got \(12, 32'),
        (_put('seg_logits', 2, 24, 32, value=math.nan), '1536 NaN'),
    ],
)
def test_errors_name_clip_and_frame(change, text):
    clip = _clip(2)
    change(clip[3])
    with pytest.raises(ValueError, match=text) as caught:
        _metric().process({}, as_dicts(clip))
    assert "frame 3 of clip 'clip2' (v1s)" in str(caught.value)


def test_a_missing_clip_is_an_error():
    metric = _metric()
    metric.process({}, as_dicts(_clip(0)))
    with pytest.raises(ValueError, match='expected 2 clips, got 1'):
        metric.evaluate(2)

"""Masks read from files score as the metrics score a model's outputs."""

import numpy as np
import pytest
import torch
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.metainfo import AVSBENCH_PALETTE, get_metainfo
from mmavs.evaluation import AVSBinaryMetric, AVSSemanticMetric
from mmavs.evaluation.bootstrap import (
    binary_scores,
    bootstrap,
    semantic_scores,
)
from mmavs.evaluation.functional import (
    frame_f_curves,
    frame_iou,
    grey_value_f_curves,
)
from mmavs.evaluation.mask_files import (
    BinaryMaskScorer,
    MaskFiles,
    SemanticMaskScorer,
)
from mmavs.evaluation.semantic_metric import PROTOCOLS
from PIL import Image
from support.avsbench_tree import Clip, write_avsbench_tree
from support.predicted_clips import seeded_ids

SIZE = (32, 32)
CLIPS = tuple(
    Clip(subset, 'test', uid, class_id, SIZE)
    for subset, uid, class_id in (
        ('v1m', 'a', 17),
        ('v1m', 'b', 28),
        ('v1m', 'c', 70),
        ('v2', 'd', 3),
    )
)
BINARY = ('split', 'stepping_stones', 'avsbench-bs2', 'frame')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('data'), CLIPS)


def _dataset(root, task):
    labels = 'semantic' if task == 'avss' else 'binary'
    return AVSBenchDataset(
        task=task, split='test', data_root=str(root), labels=labels
    )


def _save(folder, masks):
    folder.mkdir(parents=True)
    for t, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / f'clip_{t}.png')


def _binary_entries(root, folder, white=255):
    """Seeded soft masks of the three clips of v1m."""
    rng = np.random.RandomState(0)
    dataset = _dataset(root, 'ms3')
    for clip in dataset.list_clips():
        grey = rng.randint(0, white + 1, (5, *SIZE)).astype(np.uint8)
        _save(folder / clip['clip_id'], grey)
    scorer = BinaryMaskScorer(MaskFiles(folder), SIZE, white)
    return [scorer(clip) for clip in dataset.list_clips()]


def test_grey_values_score_as_their_shares():
    generator = torch.Generator().manual_seed(0)
    grey = torch.randint(0, 256, (3, 40, 50), generator=generator)
    truth = torch.rand(3, 40, 50, generator=generator) > 0.7
    truth[1] = False
    counts = torch.zeros(3, 2, 256, dtype=torch.int64)
    for frame in range(3):
        for value, inside in zip(
            grey[frame].ravel(), truth[frame].ravel(), strict=True
        ):
            counts[frame, int(inside), value] += 1
    expected = frame_f_curves((grey / 255).float(), truth)
    got = grey_value_f_curves(counts)
    assert torch.equal(got.curves, expected.curves)
    assert got.valid.tolist() == [True, False, True]


def test_binary_entries_are_those_of_the_scores(root, tmp_path):
    entries = _binary_entries(root, tmp_path)
    grey = np.stack(
        [np.array(Image.open(tmp_path / f'a/clip_{t}.png')) for t in range(5)]
    )
    label = np.array(Image.open(root / 'v1m/a/labels_rgb/0.png'))
    score = torch.from_numpy(grey).float() / 255
    truth = torch.from_numpy(label.any(-1)).expand(5, -1, -1)
    expected = frame_iou(score[:1] > 0.5, truth[:1])
    assert entries[0].frame_iou[0] == pytest.approx(expected.item())
    curve = frame_f_curves(score[:1], truth[:1]).curves
    assert entries[0].frame_f[0] == pytest.approx(curve.max().item())


@pytest.mark.parametrize('protocol', BINARY)
def test_binary_scores_are_those_of_the_metric(root, tmp_path, protocol):
    entries = _binary_entries(root, tmp_path)
    expected = AVSBinaryMetric([protocol]).compute_clip_metrics(entries)
    got = binary_scores(entries, [protocol])(np.arange(3))
    assert got == pytest.approx(expected, abs=1e-12)
    assert 0 < got[f'{protocol}/F'] < 1


def test_values_of_zero_and_one(root, tmp_path):
    """``white=1`` and the same masks times 255 agree."""
    ones = _binary_entries(root, tmp_path / 'ones', white=1)
    for path in (tmp_path / 'ones').glob('*/*.png'):
        target = tmp_path / 'full' / path.relative_to(tmp_path / 'ones')
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 * np.array(Image.open(path))).save(target)
    scorer = BinaryMaskScorer(MaskFiles(tmp_path / 'full'), SIZE)
    clips = _dataset(root, 'ms3').list_clips()
    assert [scorer(clip) for clip in clips] == ones


def test_semantic_scores_are_those_of_the_metric(root, tmp_path):
    """Half of the clips as ids, half as colours."""
    dataset = _dataset(root, 'avss')
    for index, clip in enumerate(dataset.list_clips()):
        ids, _ = seeded_ids(
            index,
            classes=(3, 17, 28, 70),
            num_frames=clip['num_frames'],
            size=SIZE,
        )
        ids = ids.numpy().astype(np.uint8)
        masks = ids if index % 2 else AVSBENCH_PALETTE[ids]
        _save(tmp_path / clip['subset'] / clip['clip_id'], masks)
    scorer = SemanticMaskScorer(MaskFiles(tmp_path), SIZE)
    entries = [scorer(clip) for clip in dataset.list_clips()]
    metric = AVSSemanticMetric(PROTOCOLS)
    metric.dataset_meta = get_metainfo('semantic')
    expected = metric.compute_clip_metrics(entries)
    got = semantic_scores(entries, PROTOCOLS)(np.arange(4))
    assert got == pytest.approx(expected, abs=1e-12)
    assert 0 < got['present/mIoU'] < 1


def test_intervals_by_hand():
    """Two clips that score 0 and 1: resamples score 0, 1/2, 1 in 1:2:1."""

    def one(order):
        return {'x': float(order.mean())}

    def lower(order):
        return {'x': float(order.mean()) - 0.25}

    ((name, (first, second), difference),) = bootstrap(
        [one, lower], 2, num_resamples=400, seed=0
    )
    assert name == 'x'
    assert first == (0.5, 0.0, 1.0)
    assert second == (0.25, -0.25, 0.75)
    # The clips are drawn alike for both, so their difference has no spread.
    assert difference == (0.25, 0.25, 0.25)
    ((_, (alone,), nothing),) = bootstrap([one], 2, num_resamples=1, seed=0)
    assert alone.value == 0.5
    assert nothing is None

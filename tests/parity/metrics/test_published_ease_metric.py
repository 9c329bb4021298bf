"""Protocols ``frame`` and ``present`` against EASE's published metric.

``tests/data/metrics/ease.json`` holds what the published class returns for
seeded clips. The numbers are renewed by running this file as a script with
MMAVS_REFERENCE_ROOT set to a folder with EASE at 12ab645.
"""

import json
from pathlib import Path

import pytest
import torch
from mmavs.evaluation import AVSBinaryMetric, AVSSemanticMetric
from mmavs.testing.ease import import_module, why_not
from support.predicted_clips import (
    as_dicts,
    predicted_frames,
    predicted_ids,
    seeded_clip,
    seeded_ids,
)
from torch import Tensor

EXPECTED = Path(__file__).parents[2] / 'data' / 'metrics' / 'ease.json'
#: Silent frames of each clip; clip 3 never sounds.
SILENT = ((), (0, 2), (4,), range(5), ())
#: Options of ``seeded_clip``; 'unit' scores are differences in [0, 1], which
#: the published code takes as they are.
BINARY = {
    'plain': {'seed': 100},
    'saturated': {'seed': 200, 'scale': 20.0},
    'ties': {'seed': 300, 'step': 0.5},
    'full-size': {'seed': 500, 'size': (224, 224)},
    'unit': {'seed': 600},
}
#: Options of ``seeded_ids``.
SEMANTIC = {
    'plain': {'seed': 100},
    'few-classes': {'seed': 200, 'classes': (3, 28, 70), 'num_objects': 3},
    'full-size': {'seed': 400, 'size': (224, 224)},
}
NUM_CLASSES = 71


def binary_clips(case: str) -> list[tuple[Tensor, Tensor]]:
    """Draw logits (T, 2, h, w) and truth (T, h, w) bool of each clip."""
    options = dict(BINARY[case])
    seed = options.pop('seed')
    clips = [
        seeded_clip(seed + i, channels=2, silent=silent, **options)
        for i, silent in enumerate(SILENT)
    ]
    if case == 'unit':
        clips = [(_into_unit(logits), truth) for logits, truth in clips]
    return clips


def _into_unit(logits: Tensor) -> Tensor:
    """Scores whose difference is in [0, 1]; frame 1 leaves that range."""
    sounding = logits[:, 1].sigmoid()
    sounding[1] *= 2
    return torch.stack([torch.zeros_like(sounding), sounding], 1)


def semantic_clips(case: str) -> list[tuple[Tensor, Tensor]]:
    """Draw prediction and truth (T, h, w) int64 of each clip."""
    options = dict(SEMANTIC[case])
    seed = options.pop('seed')
    return [
        seeded_ids(seed + i, silent=[1], **options) for i in range(len(SILENT))
    ]


def ours(kind: str, case: str) -> list[float]:
    """Return mIoU and F of our metric on a case."""
    if kind == 'frame':
        metric = AVSBinaryMetric(['frame'])
        clips = [
            predicted_frames(*clip, sample_idx=i)
            for i, clip in enumerate(binary_clips(case))
        ]
    else:
        metric = AVSSemanticMetric(['present'])
        names = ('background', *(f'class{i}' for i in range(1, NUM_CLASSES)))
        metric.dataset_meta = {'classes': names}
        clips = [
            predicted_ids(*clip, sample_idx=i)
            for i, clip in enumerate(semantic_clips(case))
        ]
    for clip in clips:
        metric.process({}, as_dicts(clip))
    result = metric.evaluate(len(clips))
    return [result[f'{kind}/mIoU'], result[f'{kind}/F']]


def published(kind: str, case: str) -> list[float]:
    """Update the published metric frame by frame, as its trainer does."""
    module = import_module('utils.avs_semantic_metric')
    binary = kind == 'frame'
    metric = module.AVSSMetric(num_cls=2 if binary else NUM_CLASSES)
    for pred, truth in (binary_clips if binary else semantic_clips)(case):
        if not binary:
            pred = torch.nn.functional.one_hot(pred, NUM_CLASSES)
            pred = pred.movedim(-1, 1).float()
        for scores, target in zip(pred, truth, strict=True):
            metric.update(scores[None], target[None].long())
    result = metric.compute()
    iou, f_score = result['miou_pc'], result['f_measure_pc']
    kept = result['cls_count'] > 0
    if binary:
        kept = torch.tensor([False, True])
    return [iou[kept].mean().item(), f_score[kept].mean().item()]


ALL = [*(('frame', case) for case in BINARY)]
ALL += [('present', case) for case in SEMANTIC]


@pytest.mark.parametrize(('kind', 'case'), ALL)
def test_equal_to_the_stored_published_numbers(kind, case):
    numbers = json.loads(EXPECTED.read_text())[kind][case]
    assert ours(kind, case) == pytest.approx(numbers, rel=0, abs=1e-6)
    assert all(0.05 < number < 0.95 for number in numbers)


@pytest.mark.reference
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize(('kind', 'case'), ALL)
def test_stored_numbers_are_the_published_codes(kind, case):
    numbers = json.loads(EXPECTED.read_text())[kind][case]
    assert published(kind, case) == pytest.approx(numbers, rel=0, abs=1e-6)


if __name__ == '__main__':
    stored: dict[str, dict] = {}
    for kind, case in ALL:
        stored.setdefault(kind, {})[case] = published(kind, case)
        gaps = zip(ours(kind, case), stored[kind][case], strict=True)
        print(kind, case, [abs(a - b) for a, b in gaps])
    EXPECTED.write_text(json.dumps(stored, indent=1) + '\n')

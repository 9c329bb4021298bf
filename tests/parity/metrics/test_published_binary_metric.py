"""AVSBinaryMetric against the numbers of the published metric code.

``tests/data/metrics/binary.json`` holds what the published functions return
for seeded clips. The numbers are renewed by running this file as a script
with MMAVS_REFERENCE_ROOT set.
"""

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmavs.evaluation import AVSBinaryMetric
from mmavs.testing import REFERENCE_ROOT, import_published
from support.predicted_clips import as_dicts, predicted_frames, seeded_clip
from torch import Tensor

EXPECTED = Path(__file__).parents[2] / 'data' / 'metrics' / 'binary.json'
SOURCES = {
    'stepping_stones': 'Stepping-Stones/avs/utils/utility.py',
    'avsbench': 'AVSBench/avs_scripts/avs_s4/utils/utility.py',
}
NUM_CLIPS = 5
#: Silent frames of each clip; clip 3 never sounds.
SILENT = ((), (0, 2), (4,), range(10), ())
#: Random logits, saturated scores, many exact ties, the size of AVSBench.
CASES = {
    'plain': {'seed': 100},
    'saturated': {'seed': 200, 'scale': 20.0},
    'ties': {'seed': 300, 'step': 0.5},
    'ten-frames': {'seed': 400, 'num_frames': 10},
    'full-size': {'seed': 500, 'size': (224, 224)},
}


def clips_of(case: str, channels: int) -> list[tuple[Tensor, Tensor]]:
    """Draw a case's clips: logits (T, C, h, w) and truth (T, h, w) bool."""
    options = dict(CASES[case])
    seed = options.pop('seed')
    num_frames = options.get('num_frames', 5)
    return [
        seeded_clip(
            seed + index,
            channels=channels,
            silent=[t for t in SILENT[index] if t < num_frames],
            **options,
        )
        for index in range(NUM_CLIPS)
    ]


def ours(case: str, channels: int, protocol: str) -> tuple[float, float]:
    """Return mIoU and F of our metric on a case."""
    metric = AVSBinaryMetric([protocol])
    for index, (logits, truth) in enumerate(clips_of(case, channels)):
        clip = predicted_frames(logits, truth, sample_idx=index)
        metric.process({}, as_dicts(clip))
    result = metric.evaluate(NUM_CLIPS)
    return result[f'{protocol}/mIoU'], result[f'{protocol}/F']


def published(
    case: str, channels: int, batch_size: int, score: Callable
) -> tuple[float, float]:
    """Average the published functions' results over batches of clips."""
    clips = clips_of(case, channels)
    values = []
    for start in range(0, NUM_CLIPS, batch_size):
        batch = clips[start : start + batch_size]
        logits = torch.cat([logits for logits, _ in batch])
        truth = torch.cat([truth for _, truth in batch]).float()
        values.append(score(logits, truth))
    ious, f_scores = zip(*values, strict=True)
    return sum(ious) / len(ious), sum(f_scores) / len(f_scores)


def rerun_published(root: str, folder: str) -> dict:
    """Run the published code on every case.

    Args:
        root (str): Folder that holds the checkouts.
        folder (str): Where the published code writes its log.

    Returns:
        dict: {case: {protocol: [mIoU, F]}}.
    """
    stepping_stones, avsbench = (
        import_published(Path(root) / SOURCES[name])
        for name in ('stepping_stones', 'avsbench')
    )
    # The published default needs CUDA.
    avsbench._eval_pr = functools.partial(avsbench._eval_pr, cuda_flag=False)

    def two_channels(logits, truth):
        f_score = stepping_stones.Eval_Fmeasure(
            logits, truth, folder, device='cpu'
        )
        return stepping_stones.mask_iou(logits, truth).item(), f_score

    def one_channel(logits, truth):
        logits = logits[:, 0]
        f_score = avsbench.Eval_Fmeasure(logits, truth, folder)
        return avsbench.mask_iou(logits, truth).item(), f_score

    return {
        case: {
            'stepping_stones': published(case, 2, 1, two_channels),
            **{
                f'avsbench-bs{size}': published(case, 1, size, one_channel)
                for size in (1, 2, 4)
            },
        }
        for case in CASES
    }


@pytest.mark.parametrize('case', CASES)
def test_equal_to_the_stored_published_numbers(case):
    expected = json.loads(EXPECTED.read_text())[case]
    assert set(expected) == {
        'stepping_stones',
        'avsbench-bs1',
        'avsbench-bs2',
        'avsbench-bs4',
    }
    for protocol, numbers in expected.items():
        channels = 2 if protocol == 'stepping_stones' else 1
        got = ours(case, channels, protocol)
        assert got == pytest.approx(numbers, rel=0, abs=1e-6), protocol


@pytest.mark.reference
@pytest.mark.skipif(
    REFERENCE_ROOT is None,
    reason='MMAVS_REFERENCE_ROOT names no checkouts of the published code',
)
def test_stored_numbers_are_the_published_codes(tmp_path):
    expected = json.loads(EXPECTED.read_text())
    rerun = rerun_published(REFERENCE_ROOT, str(tmp_path))
    assert set(rerun) == set(expected) == set(CASES)
    for case, protocols in rerun.items():
        assert set(protocols) == set(expected[case])
        for protocol, numbers in protocols.items():
            stored = expected[case][protocol]
            assert numbers == pytest.approx(stored, rel=0, abs=1e-6)


if __name__ == '__main__':
    EXPECTED.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rerun_published(REFERENCE_ROOT, os.curdir), indent=1)
    EXPECTED.write_text(text + '\n')

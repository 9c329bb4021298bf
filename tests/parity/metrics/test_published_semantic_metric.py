"""AVSSemanticMetric and semantic labels against the published code.

``tests/data/metrics/semantic.json`` holds what the published functions return
for seeded class ids and for a seeded colour image. The numbers are renewed by
running this file as a script with MMAVS_REFERENCE_ROOT set.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmavs.datasets.metainfo import AVSBENCH_PALETTE, get_metainfo
from mmavs.datasets.transforms import LoadClipMasks
from mmavs.evaluation import AVSSemanticMetric
from mmavs.testing import REFERENCE_ROOT, import_published
from PIL import Image
from support.predicted_clips import as_dicts, predicted_ids, seeded_ids
from torch import Tensor

EXPECTED = Path(__file__).parents[2] / 'data' / 'metrics' / 'semantic.json'
SOURCES = {
    'stepping_stones': 'Stepping-Stones/avss/utils/cal_color_metric.py',
    'avsbench': 'AVSBench/avs_scripts/avss/utils/compute_color_metrics.py',
    'avsegformer': 'AVSegFormer/utils/compute_color_metrics.py',
}
LABELS = 'Stepping-Stones/avss/dataset.py'
NUM_CLASSES = 71
#: Frames of each clip: two of v1, two of v2.
NUM_FRAMES = (5, 10, 5, 10)
#: All classes; few classes often met; every frame silent; AVSBench's size.
CASES = {
    'plain': {'seed': 100},
    'few-classes': {'seed': 200, 'classes': (3, 28, 70), 'num_objects': 3},
    'silent': {'seed': 300, 'silent': slice(None)},
    'full-size': {'seed': 400, 'size': (224, 224)},
}
#: Sizes of a colour image: AVSBench's, smaller and larger, all made 224x224.
IMAGE_SIZES = ((224, 224), (90, 160), (511, 333))


def clips_of(case: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Draw a case's clips: prediction and truth (T, h, w) int64."""
    options = dict(CASES[case])
    seed, silent = options.pop('seed'), options.pop('silent', slice(0))
    for index, num_frames in enumerate(NUM_FRAMES):
        yield seeded_ids(
            seed + index,
            num_frames=num_frames,
            silent=range(num_frames)[silent],
            **options,
        )


def ours(case: str) -> dict[str, float]:
    """Return the numbers of our metric on a case."""
    metric = AVSSemanticMetric(['stepping_stones', 'avsbench'])
    metric.dataset_meta = get_metainfo('semantic')
    for index, (pred, truth) in enumerate(clips_of(case)):
        subset = 'v2' if len(pred) == 10 else 'v1m'
        clip = predicted_ids(pred, truth, sample_idx=index, subset=subset)
        metric.process({}, as_dicts(clip))
    return metric.evaluate(len(NUM_FRAMES))


def published(case: str, score: Callable, *, dropped: int) -> dict:
    """Run a published function on each clip, and average as its caller does.

    Args:
        case (str): Name of the case.
        score (Callable): (pred, truth) -> sums of IoU, of F and of frames.
        dropped (int): Class that the caller takes for the background.

    Returns:
        dict: ``mIoU``, ``F`` and both without a class.
    """
    sums = [torch.zeros(NUM_CLASSES) for _ in range(3)]
    for pred, truth in clips_of(case):
        for total, part in zip(sums, score(pred, truth), strict=True):
            total += part
    iou, f_score = ((part / sums[2]).nan_to_num(0) for part in sums[:2])
    kept = torch.arange(NUM_CLASSES) != dropped
    return {
        'mIoU': iou.mean().item(),
        'F': f_score.mean().item(),
        'mIoU_without_a_class': iou[kept].mean().item(),
        'F_without_a_class': f_score[kept].mean().item(),
    }


def rerun_published(root: str) -> dict:
    """Run the published code on every case: {case: {source: numbers}}."""
    modules = {
        name: import_published(Path(root) / path)
        for name, path in SOURCES.items()
    }

    def stepping_stones(pred, truth):
        return modules['stepping_stones'].miou_fscore(
            pred, truth, NUM_CLASSES, len(pred)
        )[:3]

    def filled_up(name):
        def score(pred, truth):
            # What the published loader and model make of a frame that is
            # not there: a truth of zeros and logits of zeros.
            logits = torch.zeros(10, NUM_CLASSES, *pred.shape[1:])
            logits[: len(pred)].scatter_(1, pred[:, None], 5.0)
            target = torch.zeros(10, *pred.shape[1:], dtype=torch.int64)
            target[: len(pred)] = truth
            return modules[name].calc_color_miou_fscore(logits, target)[:3]

        return score

    return {
        case: {
            'stepping_stones': published(case, stepping_stones, dropped=0),
            **{
                name: published(case, filled_up(name), dropped=70)
                for name in ('avsbench', 'avsegformer')
            },
        }
        for case in CASES
    }


def write_colour_image(path: Path, size: tuple[int, int]) -> None:
    """Write noise of the 71 colours and of some unknown colours."""
    rng = np.random.RandomState(size[0])
    image = AVSBENCH_PALETTE[rng.randint(0, NUM_CLASSES, size)]
    unknown = rng.random_sample(size) < 0.1
    image[unknown] = rng.randint(0, 256, (int(unknown.sum()), 3))
    Image.fromarray(image).save(path)


def digest(ids: np.ndarray) -> str:
    """Return the SHA-256 of class ids, whatever their dtype."""
    return hashlib.sha256(ids.astype(np.uint8).tobytes()).hexdigest()


def our_labels(folder: Path) -> dict[str, str]:
    """Return a digest of the ids we read from every image."""
    load = LoadClipMasks('semantic', unknown_colour='background')
    digests = {}
    for size in IMAGE_SIZES:
        write_colour_image(folder / 'label.png', size)
        clip = dict(clip_id='a', mask_paths=[str(folder / 'label.png')])
        digests[f'{size[0]}x{size[1]}'] = digest(load(clip)['masks'][0])
    return digests


def published_labels(root: str, folder: Path) -> dict[str, str]:
    """Return a digest of the ids that the published code reads."""
    module = import_published(Path(root) / LABELS)
    (folder / 'label2idx.json').write_text(json.dumps(list(range(71))))
    palette = module.get_v2_pallete(folder / 'label2idx.json')
    digests = {}
    for size in IMAGE_SIZES:
        path = folder / 'label.png'
        write_colour_image(path, size)
        ids = module.load_color_mask_in_PIL_to_Tensor(path, palette)
        digests[f'{size[0]}x{size[1]}'] = digest(ids.numpy())
    return digests


def assert_equal_to_ours(case: str, numbers: dict) -> float:
    """Compare published numbers with ours; return the largest difference."""
    result = ours(case)
    names = {
        'stepping_stones': ('stepping_stones', '_no_bg'),
        'avsbench': ('avsbench', '_noBg_published'),
        'avsegformer': ('avsbench', '_noBg_published'),
    }
    assert set(numbers) == set(names)
    gaps = []
    for source, (protocol, suffix) in names.items():
        for key, value in numbers[source].items():
            key = key.replace('_without_a_class', suffix)
            got = result[f'{protocol}/{key}']
            assert got == pytest.approx(value, rel=0, abs=1e-6), (source, key)
            gaps.append(abs(got - value))
    assert len(gaps) == 12
    return max(gaps)


@pytest.mark.parametrize('case', CASES)
def test_equal_to_the_stored_published_numbers(case):
    expected = json.loads(EXPECTED.read_text())['metric'][case]
    assert_equal_to_ours(case, expected)


def test_published_sources_agree_where_they_should():
    """The stored numbers distinguish the protocols."""
    numbers = json.loads(EXPECTED.read_text())['metric']['plain']
    assert numbers['avsbench'] == numbers['avsegformer']
    assert numbers['avsbench']['mIoU'] > numbers['stepping_stones']['mIoU']


def test_labels_are_equal_to_the_published_ones(tmp_path):
    expected = json.loads(EXPECTED.read_text())['labels']
    assert our_labels(tmp_path) == expected
    assert len(set(expected.values())) == len(IMAGE_SIZES)


@pytest.mark.reference
@pytest.mark.skipif(
    REFERENCE_ROOT is None,
    reason='MMAVS_REFERENCE_ROOT names no checkouts of the published code',
)
def test_stored_numbers_are_the_published_codes(tmp_path):
    stored = json.loads(EXPECTED.read_text())
    rerun = rerun_published(REFERENCE_ROOT)
    assert set(rerun) == set(stored['metric']) == set(CASES)
    for case, sources in rerun.items():
        assert set(sources) == set(stored['metric'][case]) == set(SOURCES)
        for source, numbers in sources.items():
            expected = stored['metric'][case][source]
            assert numbers == pytest.approx(expected, rel=0, abs=1e-6)
    assert published_labels(REFERENCE_ROOT, tmp_path) == stored['labels']


if __name__ == '__main__':
    metric = rerun_published(REFERENCE_ROOT)
    with tempfile.TemporaryDirectory() as name:
        labels = published_labels(REFERENCE_ROOT, Path(name))
    text = json.dumps({'metric': metric, 'labels': labels}, indent=1)
    EXPECTED.write_text(text + '\n')
    for case, numbers in metric.items():
        print(case, assert_equal_to_ours(case, numbers))

"""Time ``tools/eval_masks.py``, and its scores against the published code.

    python -m benchmarks.mask_scoring [--s4-clips 740] [--avss-clips 1554]

writes masks and labels of 224x224 in the numbers of AVSBench's test splits
into a temporary folder and scores them with all protocols, intervals
included. Ten different clips of random shapes stand for all; the others are
links to them, so the files come from the page cache. CPU seconds include
those of the processes that read the files.

With MMAVS_REFERENCE_ROOT, the last table compares the CPU time of mIoU and F
of one clip of five frames, measured in turns with one thread: the published
functions, which take logits, and those of mmavs for logits and for 8-bit
masks, without reading files.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import functools
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmavs.datasets.avsbench import NUM_FRAMES
from mmavs.datasets.metainfo import AVSBENCH_CLASSES, AVSBENCH_PALETTE
from mmavs.evaluation.functional import (
    frame_f_curves,
    frame_iou,
    sounding_mask,
    sounding_score,
)
from mmavs.evaluation.mask_files import BinaryMaskScorer, MaskFiles
from mmavs.testing import REFERENCE_ROOT, import_published
from PIL import Image

from benchmarks.timing import Timing, time_in_turns
from tools import eval_masks

_SIZE = 224
_NUM_DIFFERENT = 10
_PUBLISHED = {
    'Stepping-Stones': 'avs/utils/utility.py',
    'AVSBench': 'avs_scripts/avs_s4/utils/utility.py',
}


class Taken(NamedTuple):
    """Seconds that a command took.

    Attributes:
        wall (float): On the clock.
        cpu (float): Of all processes.
    """

    wall: float
    cpu: float


def random_ids(rng: np.random.Generator, num_classes: int) -> np.ndarray:
    """Draw a map with three rectangles of random classes.

    Args:
        rng (np.random.Generator): Draws.
        num_classes (int): K, background included.

    Returns:
        np.ndarray: (224, 224) uint8 in 0..K-1.
    """
    ids = np.zeros((_SIZE, _SIZE), np.uint8)
    for _ in range(3):
        top, left = rng.integers(0, _SIZE - 80, 2)
        height, width = rng.integers(20, 80, 2)
        ids[top : top + height, left : left + width] = rng.integers(
            1, num_classes
        )
    return ids


def write_clips(root: Path, num_clips: int, *, semantic: bool) -> None:
    """Write labels and masks of a test split.

    Args:
        root (Path): Gets ``data`` and ``masks``.
        num_clips (int): Number of clips.
        semantic (bool): AVSS: ten frames, 71 classes; else S4: five frames,
            soft masks.
    """
    subset, rng = 'v2' if semantic else 'v1s', np.random.default_rng(0)
    num_classes = len(AVSBENCH_CLASSES)
    palette = np.array(AVSBENCH_PALETTE, np.uint8)
    for clip in range(num_clips):
        labels, masks = _clip_folders(root, subset, clip)
        labels.mkdir(parents=True)
        masks.mkdir(parents=True)
        sources = _clip_folders(root, subset, clip % _NUM_DIFFERENT)
        for t in range(NUM_FRAMES[subset]):
            if clip >= _NUM_DIFFERENT:
                for source, folder in zip(
                    sources, (labels, masks), strict=True
                ):
                    os.link(source / f'{t}.png', folder / f'{t}.png')
                continue
            truth = random_ids(rng, num_classes)
            Image.fromarray(palette[truth]).save(labels / f'{t}.png')
            mask = random_ids(rng, num_classes)
            if not semantic:
                noise = rng.normal(0, 20, mask.shape)
                soft = np.clip(200 * (mask > 0) + noise, 0, 255)
                mask = soft.astype(np.uint8)
            Image.fromarray(mask).save(masks / f'{t}.png')
    rows = [[str(clip), 'test', subset] for clip in range(num_clips)]
    with open(root / 'data/metadata.csv', 'w', newline='') as file:
        csv.writer(file).writerows([['uid', 'split', 'label'], *rows])
    ids = {name: index for index, name in enumerate(AVSBENCH_CLASSES)}
    (root / 'data/label2idx.json').write_text(json.dumps(ids))


def _clip_folders(root: Path, subset: str, clip: int) -> tuple[Path, Path]:
    """Return the folders of a clip's labels and masks."""
    return (
        root / f'data/{subset}/{clip}/labels_rgb',
        root / f'masks/{subset}/{clip}',
    )


def time_tool(root: Path, task: str) -> Taken:
    """Score the masks of :func:`write_clips`.

    Args:
        root (Path): Their folder.
        task (str): 's4' or 'avss'.

    Returns:
        Taken: Seconds of the tool without its imports.
    """
    before, started = _cpu_seconds(), time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):
        eval_masks.main(
            [str(root / 'masks'), str(root / 'data'), '--task', task]
        )
    return Taken(time.monotonic() - started, _cpu_seconds() - before)


def _cpu_seconds() -> float:
    """CPU seconds of this process and of those that it has ended."""
    usages = map(
        resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def published_functions(
    root: Path, folder: str, clip: tuple[torch.Tensor, torch.Tensor]
) -> dict[str, Callable[[], object]]:
    """Return calls of the published mIoU and F for a clip.

    Args:
        root (Path): Folder of the checkouts.
        folder (str): Where the published code writes its log.
        clip (tuple): Logits (T, 1, h, w) and truth (T, h, w) bool.

    Returns:
        dict[str, Callable[[], object]]: By name of the checkout.
    """
    logits, truth = clip[0], clip[1].float()
    stones, avsbench = (
        _import_any(root / name / path) for name, path in _PUBLISHED.items()
    )
    # The published default needs CUDA.
    avsbench._eval_pr = functools.partial(avsbench._eval_pr, cuda_flag=False)
    two_channels = torch.cat([-logits, logits], 1)

    def run_stones() -> None:
        stones.mask_iou(two_channels, truth).item()
        stones.Eval_Fmeasure(two_channels, truth, folder, device='cpu')

    def run_avsbench() -> None:
        avsbench.mask_iou(logits[:, 0], truth).item()
        avsbench.Eval_Fmeasure(logits[:, 0], truth, folder)

    return {'Stepping-Stones': run_stones, 'AVSBench': run_avsbench}


def _import_any(path: Path) -> Any:
    """Import a published file whose functions mypy does not know."""
    return import_published(path)


def time_clip(root: Path, rounds: int) -> dict[str, Timing]:
    """Time mIoU and F of one S4-sized clip in turns.

    Args:
        root (Path): Folder of the checkouts.
        rounds (int): Rounds.

    Returns:
        dict[str, Timing]: By implementation.
    """
    rng = np.random.default_rng(0)
    truth = np.stack([random_ids(rng, 2) for _ in range(5)])
    found = torch.from_numpy(truth).bool()
    noise = torch.from_numpy(rng.normal(0, 2, truth.shape)).float()
    logits = (noise + 3 * found - 1)[:, None]
    masks = (255 * sounding_score(logits)).round().byte().numpy()
    scorer = BinaryMaskScorer(MaskFiles(Path()), (_SIZE, _SIZE))
    clip = dict(sample_idx=0, subset='v1s', clip_id='0')

    def from_logits() -> None:
        score = sounding_score(logits)
        frame_f_curves(score, found)
        frame_iou(sounding_mask(logits, score), found)

    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        return time_in_turns(
            {
                **published_functions(root, folder, (logits, found)),
                'mmavs, logits': from_logits,
                'mmavs, 8-bit masks': lambda: scorer.score(clip, masks, truth),
            },
            rounds,
            calls={'mmavs, logits': 5, 'mmavs, 8-bit masks': 20},
        )


def print_clip(timings: Mapping[str, Timing]) -> None:
    """Print milliseconds per clip and how often the others fit into one.

    Args:
        timings (Mapping[str, Timing]): From :func:`time_clip`.
    """
    print(f'\n{"one clip, mIoU and F":24}{"CPU ms":>8}{"ratios":>18}')
    for name, timing in timings.items():
        ratios = [timings[other].cpu / timing.cpu for other in _PUBLISHED]
        texts = [f'{ratio:9.1f}' for ratio in ratios]
        print(f'{name:24}{1000 * timing.cpu:8.2f}{"".join(texts)}')
    print(f'ratios: to {" and to ".join(_PUBLISHED)}')


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--s4-clips', type=int, default=740)
    parser.add_argument('--avss-clips', type=int, default=1554)
    parser.add_argument('--rounds', type=int, default=10)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for task, num_clips in (('s4', args.s4_clips), ('avss', args.avss_clips)):
        with tempfile.TemporaryDirectory() as folder:
            write_clips(Path(folder), num_clips, semantic=task == 'avss')
            taken = time_tool(Path(folder), task)
        print(
            f'{task}: {num_clips} clips in {taken.wall:.1f} s, '
            f'{taken.cpu:.1f} s of CPU'
        )
    if REFERENCE_ROOT is not None:
        print_clip(time_clip(Path(REFERENCE_ROOT), args.rounds))


if __name__ == '__main__':
    main()

"""Score predicted masks (PNG files) of any model under every protocol.

Usage::

    python tools/eval_masks.py PRED_DIR DATA --task {s4,ms3,avss,vpo} \
        [--other PRED_DIR] [--per-clip CSV] [--per-class CSV] [--out JSON]

PRED_DIR holds the masks of a clip as ``SUBSET/CLIP_ID/*.png`` or
``CLIP_ID/*.png``, one per frame, in the order of the last number in their
names; DATA has the layout of AVSBench-semantic or, with ``--task vpo``, of
DDESeg's repack of VPO. Intervals hold 95 % of the
scores of resampled clips. With ``--other`` a second folder is scored too, and
the differences, first minus second, get intervals for the same draws.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmavs.atomic_file import write_json
from mmavs.datasets import AVSBenchDataset, BaseClipDataset, VPODataset
from mmavs.engine import add_traceback_argument, error_line
from mmavs.evaluation.binary_metric import write_per_clip_csv
from mmavs.evaluation.bootstrap import (
    Estimate,
    Scores,
    binary_scores,
    bootstrap,
    semantic_scores,
)
from mmavs.evaluation.mask_files import (
    BinaryMaskScorer,
    MaskFiles,
    SemanticMaskScorer,
    check_white,
)
from mmavs.evaluation.semantic_metric import (
    PROTOCOLS,
    score_classes,
    write_clip_miou_csv,
)
from mmavs.evaluation.semantic_tables import (
    format_per_class,
    write_per_class_csv,
)
from mmavs.output_path import check_output_file
from mmavs.parallel import map_in_processes, usable_cores

_BINARY_PROTOCOLS = (
    *('split', 'stepping_stones', 'frame'),
    *('avsbench-bs1', 'avsbench-bs2', 'avsbench-bs4'),
)

#: VPO has one frame per clip, which AVSBench's padding is not meant for.
_SEMANTIC_PROTOCOLS = {
    'avss': PROTOCOLS,
    'vpo': tuple(name for name in PROTOCOLS if name != 'avsbench'),
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('pred_dir', type=Path, help='folder of masks')
    parser.add_argument('data', help='folder with metadata.csv')
    parser.add_argument(
        '--task', choices=['s4', 'ms3', 'avss', 'vpo'], required=True
    )
    parser.add_argument(
        '--subsets', nargs='+', help='of the data set (VPO: VPO-SS)'
    )
    parser.add_argument('--split', choices=['val', 'test'], default='test')
    parser.add_argument('--other', type=Path, help='second folder of masks')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(224, 224),
        metavar=('H', 'W'),
        help='size of the masks, to which labels are resized (default: '
        '224 224)',
    )
    parser.add_argument(
        '--white',
        type=int,
        choices=[1, 255],
        default=255,
        help='S4 and MS3: value of a pixel that sounds for sure (default: '
        '255); values between are scores',
    )
    parser.add_argument('--per-clip', help='CSV file to write, a row per clip')
    parser.add_argument(
        '--per-class', help='AVSS, VPO: CSV file to write, a row per class'
    )
    parser.add_argument('--out', help='JSON file to write')
    parser.add_argument(
        '--force', action='store_true', help='replace files that exist'
    )
    parser.add_argument(
        '--resamples',
        type=int,
        default=1000,
        help='times that the clips are drawn for the intervals (default: '
        '1000)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the draws')
    parser.add_argument(
        '--workers',
        type=int,
        default=usable_cores(),
        help='processes that read masks (default: one per core)',
    )
    add_traceback_argument(parser)
    args = parser.parse_args(argv)
    if args.resamples < 1:
        parser.error(f'--resamples must be 1 or more, got {args.resamples}')
    if args.per_class and args.task not in _SEMANTIC_PROTOCOLS:
        parser.error('--per-class needs --task avss or vpo')
    if args.white != 255 and args.task in _SEMANTIC_PROTOCOLS:
        parser.error('--white needs --task s4 or ms3')
    return args


def build_dataset(args: argparse.Namespace) -> BaseClipDataset:
    """Build the data set of the command line, without a pipeline."""
    options: dict[str, Any] = dict(
        split=args.split,
        subsets=args.subsets,
        data_root=args.data,
        labels='semantic' if args.task in _SEMANTIC_PROTOCOLS else 'binary',
    )
    if args.task == 'vpo':
        options['subsets'] = args.subsets or ['VPO-SS']
        return VPODataset(**options)
    return AVSBenchDataset(task=args.task, **options)


def read_entries(
    root: Path, dataset: BaseClipDataset, args: argparse.Namespace
) -> list[Any]:
    """Score the masks of every clip.

    Args:
        root (Path): Folder of masks.
        dataset (BaseClipDataset): The clips.
        args (argparse.Namespace): The command line.

    Returns:
        list[Any]: One entry per clip, in the order of the data set.
    """
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: expected a folder of masks.')
    files, size = MaskFiles(root), tuple(args.size)
    scorer: Callable[[dict], Any]
    if args.task in _SEMANTIC_PROTOCOLS:
        scorer = SemanticMaskScorer(
            files,
            size,
            num_classes=len(dataset.metainfo['classes']),
            colours=args.task == 'avss',
        )
    else:
        check_white(files, dataset.list_clips()[0], args.white)
        scorer = BinaryMaskScorer(files, size, args.white)
    return list(
        map_in_processes(
            scorer,
            dataset.list_clips(),
            num_workers=args.workers,
            description=str(root),
        )
    )


def prepare_scores(entries: Sequence[Any], task: str) -> Scores:
    """Prepare the scores of all protocols."""
    if task in _SEMANTIC_PROTOCOLS:
        return semantic_scores(entries, _SEMANTIC_PROTOCOLS[task])
    return binary_scores(entries, _BINARY_PROTOCOLS)


def write_tables(
    entries: Sequence[Any], dataset: BaseClipDataset, args: argparse.Namespace
) -> None:
    """Write the CSV files and print the table of classes."""
    if args.task not in _SEMANTIC_PROTOCOLS:
        if args.per_clip:
            write_per_clip_csv(args.per_clip, entries)
        return
    if args.per_clip:
        write_clip_miou_csv(args.per_clip, entries)
    classes = dataset.metainfo['classes']
    protocols = _SEMANTIC_PROTOCOLS[args.task]
    scores = {name: score_classes(entries, name) for name in protocols}
    if args.per_class:
        write_per_class_csv(args.per_class, classes, scores)
    print(format_per_class(classes, {'present': scores['present']}))


def report_scores(
    entries: Sequence[Sequence[Any]], args: argparse.Namespace
) -> dict[str, dict]:
    """Print the scores with their intervals.

    Args:
        entries (Sequence[Sequence[Any]]): Of one or two folders.
        args (argparse.Namespace): The command line.

    Returns:
        dict[str, dict]: By name of the score, then ``pred_dir``, ``other``
        and ``difference``: value and interval.
    """
    rows = bootstrap(
        [prepare_scores(part, args.task) for part in entries],
        len(entries[0]),
        num_resamples=args.resamples,
        seed=args.seed,
    )
    report = {}
    for name, estimates, difference in rows:
        cells = dict(zip(('pred_dir', 'other'), estimates, strict=False))
        if difference is not None:
            cells['difference'] = difference
        report[name] = {key: cell._asdict() for key, cell in cells.items()}
        texts = [_format(cell) for cell in cells.values()]
        print(f'{name:<30}{"   ".join(texts)}')
    return report


def _format(estimate: Estimate) -> str:
    value, low, high = estimate
    return f'{value:7.4f} [{low:7.4f}, {high:7.4f}]'


def main(argv: Sequence[str] | None = None) -> None:
    """Score one or two folders and print the result."""
    args = parse_args(argv)
    with error_line(args):
        for path in filter(None, (args.per_clip, args.per_class, args.out)):
            check_output_file(path, force=args.force)
        dataset = build_dataset(args)
        roots = [args.pred_dir, *([args.other] if args.other else [])]
        entries = [read_entries(root, dataset, args) for root in roots]
        write_tables(entries[0], dataset, args)
        report = report_scores(entries, args)
        if args.out:
            write_json(args.out, dict(clips=len(dataset), scores=report))


if __name__ == '__main__':
    main(sys.argv[1:])

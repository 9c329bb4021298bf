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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmavs.atomic_file import write_json
from mmavs.datasets import BaseClipDataset
from mmavs.engine import add_traceback_argument, error_line
from mmavs.engine.mask_folder import (
    SEMANTIC_TASKS,
    add_mask_arguments,
    build_mask_dataset,
    build_scorer,
    check_mask_arguments,
    prepare_scores,
    protocols_of,
)
from mmavs.evaluation.binary_metric import write_per_clip_csv
from mmavs.evaluation.bootstrap import Estimate, bootstrap
from mmavs.evaluation.semantic_metric import score_classes, write_clip_miou_csv
from mmavs.evaluation.semantic_tables import (
    format_per_class,
    write_per_class_csv,
)
from mmavs.output_path import check_output_file
from mmavs.parallel import map_in_processes


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_mask_arguments(parser)
    parser.add_argument('--other', type=Path, help='second folder of masks')
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
    add_traceback_argument(parser)
    args = parser.parse_args(argv)
    if args.resamples < 1:
        parser.error(f'--resamples must be 1 or more, got {args.resamples}')
    if args.per_class and args.task not in SEMANTIC_TASKS:
        parser.error('--per-class needs --task avss or vpo')
    check_mask_arguments(parser, args)
    return args


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
    return list(
        map_in_processes(
            build_scorer(root, dataset, args),
            dataset.list_clips(),
            num_workers=args.workers,
            description=str(root),
        )
    )


def write_tables(
    entries: Sequence[Any], dataset: BaseClipDataset, args: argparse.Namespace
) -> None:
    """Write the CSV files and print the table of classes."""
    if args.task not in SEMANTIC_TASKS:
        if args.per_clip:
            write_per_clip_csv(args.per_clip, entries)
        return
    if args.per_clip:
        write_clip_miou_csv(args.per_clip, entries)
    classes = dataset.metainfo['classes']
    scores = {
        name: score_classes(entries, name) for name in protocols_of(dataset)
    }
    if args.per_class:
        write_per_class_csv(args.per_class, classes, scores)
    print(format_per_class(classes, {'present': scores['present']}))


def report_scores(
    entries: Sequence[Sequence[Any]],
    dataset: BaseClipDataset,
    args: argparse.Namespace,
) -> dict[str, dict]:
    """Print the scores with their intervals.

    Args:
        entries (Sequence[Sequence[Any]]): Of one or two folders.
        dataset (BaseClipDataset): The clips.
        args (argparse.Namespace): The command line.

    Returns:
        dict[str, dict]: By name of the score, then ``pred_dir``, ``other``
        and ``difference``: value and interval.
    """
    rows = bootstrap(
        [prepare_scores(part, dataset) for part in entries],
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
        dataset = build_mask_dataset(args)
        roots = [args.pred_dir, *([args.other] if args.other else [])]
        entries = [read_entries(root, dataset, args) for root in roots]
        write_tables(entries[0], dataset, args)
        report = report_scores(entries, dataset, args)
        if args.out:
            write_json(args.out, dict(clips=len(dataset), scores=report))


if __name__ == '__main__':
    main(sys.argv[1:])

"""Open every file of a data set and report what is wrong with it.

Usage: ``python tools/dataset_converters/validate_avsbench.py ROOT``, where
ROOT has the layout of AVSBench-semantic, or with ``--config CONFIG`` for the
data sets of a config, of any layout. For each finding the report names the
command that mends it; docs/data.md lists the findings.

Exit code: 0 if there are no errors (there may be warnings), 3 if there are
errors, 1 if the data set could not be validated.

``--clean-labels`` and ``--shift-labels`` change labels of ROOT and keep the
originals beside them; then the result is validated.
"""

from __future__ import annotations

import argparse
import sys

from mmavs.datasets.avsbench import SUBSETS
from mmavs.datasets.wrappers import clip_configs
from mmavs.engine import add_traceback_argument, error_line
from mmavs.output_path import check_output_file
from mmavs.parallel import usable_cores
from mmavs.validation import (
    PUBLISHED_COUNTS,
    Mending,
    Validation,
    clean_labels,
    print_report,
    read_table,
    shift_labels,
    starts_at_one,
    validate_avsbench,
    validate_datasets,
    write_report,
)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from rich.console import Console

_ERRORS_FOUND = 3
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('root', nargs='?', help='folder with metadata.csv')
    parser.add_argument(
        '--config', help='validate the data sets of this config instead'
    )
    parser.add_argument('--subsets', nargs='+', choices=SUBSETS)
    parser.add_argument(
        '--any-counts',
        action='store_true',
        help='do not compare the numbers of clips with the published ones',
    )
    parser.add_argument('--out', help='write the report to this JSON file')
    parser.add_argument(
        '--force', action='store_true', help='replace the file of --out'
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=usable_cores(),
        help='processes that open files (default: one per core)',
    )
    parser.add_argument(
        '--clean-labels',
        action='store_true',
        help='replace stray specks of wrong classes; see docs/data.md',
    )
    parser.add_argument(
        '--speck-pixels',
        type=int,
        default=20,
        help='largest speck of --clean-labels (default: 20)',
    )
    parser.add_argument(
        '--shift-labels',
        action='store_true',
        help='subtract 1 from class ids that start at 1',
    )
    add_traceback_argument(parser)
    args = parser.parse_args(argv)
    if (args.root is None) == (args.config is None):
        parser.error('give ROOT or --config CONFIG')
    if args.config and (args.clean_labels or args.shift_labels):
        parser.error('--clean-labels and --shift-labels need ROOT')
    return args


def mend_labels(args: argparse.Namespace) -> None:
    """Change the labels of ROOT as the options say."""
    clips, _ = read_table(args.root, Mending(args.root))
    if args.shift_labels:
        if not starts_at_one(clips):
            raise ValueError(
                f'{args.root}: expected class ids that start at 1 in '
                'labels_semantic, got none or ids that start at 0; nothing '
                'was changed. Leave --shift-labels out.'
            )
        changed = [path for clip in clips for path in shift_labels(clip)]
        print(f'shifted the ids of {len(changed)} labels')
    if args.clean_labels:
        changed = [
            path
            for clip in clips
            for path in clean_labels(clip, args.speck_pixels)
        ]
        print(f'removed specks from {len(changed)} labels')


def validate(args: argparse.Namespace) -> Validation:
    """Validate ROOT, or the data sets of the config."""
    if args.config is None:
        return validate_avsbench(
            args.root,
            subsets=args.subsets,
            expected_counts={} if args.any_counts else PUBLISHED_COUNTS,
            num_workers=args.workers,
        )
    cfg = Config.fromfile(args.config)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    loaders = [cfg[name] for name in _LOADERS if cfg.get(name) is not None]
    datasets = [
        DATASETS.build({**dataset, 'pipeline': [], 'mask_prior': None})
        for loader in loaders
        for dataset in clip_configs(loader.dataset)
    ]
    if not datasets:
        raise ValueError(
            f'{args.config}: expected a data set that derives from '
            'mmavs.datasets.BaseClipDataset in one of '
            f'{", ".join(_LOADERS)}, got none; see docs/add_a_dataset.md.'
        )
    return validate_datasets(datasets, num_workers=args.workers)


def main(argv: list[str] | None = None) -> None:
    """Validate, print and write the report, and set the exit code."""
    args = parse_args(argv)
    with error_line(args):
        if args.out:
            check_output_file(args.out, force=args.force)
        if args.root and (args.clean_labels or args.shift_labels):
            mend_labels(args)
        result = validate(args)
        published = {} if args.any_counts or args.config else PUBLISHED_COUNTS
        print_report(result, published, Console())
        if args.out:
            write_report(args.out, result)
    if result.num_errors:
        sys.exit(_ERRORS_FOUND)


if __name__ == '__main__':
    main()

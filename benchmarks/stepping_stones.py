"""Compare one stage with two on synthetic clips, over several seeds.

    python -m benchmarks.stepping_stones [--system ease] [--rows GROUP ...]

trains and tests the chosen rows. ``table`` are those of Table 4 of Stepping
Stones (https://arxiv.org/abs/2407.11820): a single stage; two stages; two
stages without mask fusion, without the robust key, and without both. For
EASE, which fuses the prior alone, the last rows add the prior as first
attention mask or as markers. Further groups:

    headline      stage one, single stage and two stages
    equal-totals  rows with the total steps of two stages: a longer single
                  stage, and models that start from stage one's weights
    remedies      stage two trained with imperfect priors: mixtures, dropout
                  of the prior, masks of held-out clips (cross-fit, 2 folds);
                  and a single stage with the total steps of cross-fit

Each two-stage row is tested with stage one's masks and with the true masks as
prior. A single stage is also scored by where it predicts any class (protocol
``split``), which compares its localisation with that of stage one. The
results say nothing about AVSBench.

--regime chooses the clips: ``default``, 14 classes; ``fine-grained``, 40
classes with a long tail that share eight sounds and hues; and
``fine-grained-loudness``, the same, where the loudness of each object follows
its brightness in addition.

Finished steps are kept in the work dir, so an interrupted command continues
when it is repeated. Rows and seeds of earlier commands with the same setting
stay in the JSON file. The output of the steps is in ``train.txt`` and
``test.txt`` next to their results.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from mmavs.atomic_file import write_json
from mmavs.datasets.avsbench import SPLITS
from mmavs.datasets.synthetic import write_dataset
from mmavs.engine import add_traceback_argument, error_line
from mmavs.engine.launcher import LoggingLauncher, lock
from mmavs.engine.steps import read_config

from benchmarks.stepping_stones_plot import write_plot
from benchmarks.stepping_stones_report import (
    DEFAULT_REGIME,
    Results,
    make_differences,
    make_report,
    merge,
    read_report,
)
from benchmarks.stepping_stones_rows import ROOT, SINGLE_STAGE, SYSTEMS
from benchmarks.stepping_stones_runs import Seed
from benchmarks.stepping_stones_table import (
    PROTOCOLS,
    print_differences,
    print_table,
)

SUBSET = 'v1m'
DATA_SEED = 0


class Regime(NamedTuple):
    """A kind of synthetic clips.

    Attributes:
        data_root (Path): Default folder.
        num_classes (int): Number of classes that occur.
        options (dict[str, Any]): Further options of ``write_dataset``.
    """

    data_root: Path
    num_classes: int
    options: dict[str, Any]


_FINE = dict(fine_grained=True, long_tail=1.0)
REGIMES = {
    DEFAULT_REGIME: Regime(ROOT / 'data/synthetic_avss', 14, {}),
    'fine-grained': Regime(ROOT / 'data/synthetic_avss_fine', 40, _FINE),
    'fine-grained-loudness': Regime(
        ROOT / 'data/synthetic_avss_fine_loudness',
        40,
        {**_FINE, 'correspondence': 'brightness'},
    ),
}


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--system', choices=SYSTEMS, default='aavs')
    parser.add_argument(
        '--rows',
        nargs='+',
        default=['table'],
        metavar='ROW',
        help='groups or names of rows, default: table',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='default: work_dirs/stepping_stones_study, followed by system '
        'and regime unless they are the default',
    )
    parser.add_argument('--regime', choices=REGIMES, default=DEFAULT_REGIME)
    parser.add_argument(
        '--data-root', type=Path, help='default: a folder per regime in data/'
    )
    parser.add_argument(
        '--clips',
        type=int,
        nargs=3,
        default=[240, 24, 96],
        metavar=('TRAIN', 'VAL', 'TEST'),
        help='number of clips, default: %(default)s',
    )
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--max-epochs',
        type=int,
        default=8,
        help='epochs of each stage, default: %(default)s',
    )
    parser.add_argument(
        '--jobs',
        type=int,
        default=2,
        help='simultaneous trainings, default: %(default)s',
    )
    parser.add_argument(
        '--json',
        type=Path,
        help='default: WORK_DIR/table.json; a plot is written next to it',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of all configs, as in tools/train.py',
    )
    add_traceback_argument(parser)
    args = parser.parse_args()
    if args.work_dir is None:
        suffix = '' if args.system == 'aavs' else f'_{args.system}'
        if args.regime != DEFAULT_REGIME:
            suffix += f'_{args.regime}'
        args.work_dir = ROOT / f'work_dirs/stepping_stones_study{suffix}'
    args.work_dir = args.work_dir.resolve()
    args.data_root = args.data_root or REGIMES[args.regime].data_root
    args.json = args.json or args.work_dir / 'table.json'
    return args


def run_rows(
    args: argparse.Namespace, names: list[str], launcher: LoggingLauncher
) -> Results:
    """Run all trainings and tests that are not finished.

    Args:
        args (argparse.Namespace): The command line.
        names (list[str]): The rows.
        launcher (LoggingLauncher): Starts the tools.

    Returns:
        Results: Metrics by row and seed.
    """
    loaders = [f'{split}_dataloader' for split in SPLITS]
    root = args.data_root.resolve()
    options = [
        *(f'{loader}.dataset.data_root={root}' for loader in loaders),
        *(f'{loader}.num_workers=0' for loader in loaders),
        *args.cfg_options,
    ]
    pool = ThreadPoolExecutor(args.jobs)
    try:
        seeds = {
            number: Seed(
                *(number, args.work_dir, launcher, args.max_epochs),
                *(options, SYSTEMS[args.system], pool),
            )
            for number in dict.fromkeys(args.seeds)
        }
        jobs = [
            (number, seed.submit(name))
            for name in names
            for number, seed in seeds.items()
        ]
        results: Results = {}
        for number, job in jobs:
            for row, metrics in job.result().items():
                results.setdefault(row, {})[number] = metrics
    finally:  # after a failed step, start no other
        pool.shutdown(cancel_futures=True)
    return results


def describe_setting(args: argparse.Namespace) -> dict[str, Any]:
    """Return what all rows share.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        dict[str, Any]: Entries of the report.
    """
    clips = dict(zip(SPLITS, args.clips, strict=True))
    config = SYSTEMS[args.system].rows[SINGLE_STAGE].config
    batch_size = read_config(
        str(config), args.cfg_options
    ).train_dataloader.batch_size
    return dict(
        data='synthetic, not AVSBench',
        system=args.system,
        regime=args.regime,
        clips=clips,
        classes=REGIMES[args.regime].num_classes,
        data_seed=DATA_SEED,
        batch_size=batch_size,
        steps_per_stage=args.max_epochs
        * math.ceil(clips['train'] / batch_size),
    )


def run(args: argparse.Namespace) -> None:
    """Run the remaining steps, then print and write the tables.

    Args:
        args (argparse.Namespace): The command line.
    """
    names = SYSTEMS[args.system].choose(args.rows)
    setting = describe_setting(args)
    earlier = read_report(args.json, setting)
    write_dataset(
        args.data_root,
        setting['clips'],
        subsets=[SUBSET],
        num_classes=setting['classes'],
        seed=DATA_SEED,
        **REGIMES[args.regime].options,
    )
    with lock(args.work_dir) as descriptor:
        launcher = LoggingLauncher(
            *('none', 1, None, descriptor, ROOT / 'tools'),
            environment=dict(OMP_NUM_THREADS='1'),
        )
        results = run_rows(args, names, launcher)
    report = make_report(setting, merge(earlier, results))
    write_json(args.json, report)
    write_plot(report, args.json.with_suffix('.png'))
    print(
        f'\nSynthetic, not AVSBench: {setting["classes"]} classes and the '
        f'background, {setting["clips"]["test"]} clips tested; '
        f'{setting["steps_per_stage"]} steps of {setting["batch_size"]} clips '
        'in each stage.\nPercent, mean +- standard deviation over the seeds; '
        f'all of it in {args.json}.'
    )
    for protocol in ('split', *PROTOCOLS):
        print_table(report, protocol)
    print_differences(report, make_differences(report))


def main() -> None:
    """Run the study; wrong input ends in one line."""
    args = parse_args()
    with error_line(args):
        run(args)


if __name__ == '__main__':
    main()

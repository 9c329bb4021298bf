"""Compare one stage with two on synthetic clips, over several seeds.

    python -m benchmarks.stepping_stones [--system ease] [--equal-totals]

prints a table like Table 4 of Stepping Stones (https://arxiv.org/abs/
2407.11820): a single stage; two stages; two stages without mask fusion,
without the robust key, and without both. For EASE, which fuses the prior
alone, the last rows add the prior as first attention mask or as markers.
Each two-stage row is tested with stage one's masks and with the true masks as
prior. All stages are trained for the same number of steps.

--equal-totals adds rows with equal total steps: a single stage with the steps
of both stages; a single stage that starts from stage one's weights; and a
stage two that starts from stage one's weights. --longer adds a third prior,
the masks of a better stage one with twice the steps. The results say nothing
about AVSBench.

Finished steps are kept in the work dir, so an interrupted command continues
when it is repeated. The output of the steps is in ``train.txt`` and
``test.txt`` next to their results.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mmavs.atomic_file import write_json
from mmavs.datasets.avsbench import SPLITS
from mmavs.datasets.synthetic import write_dataset
from mmavs.engine.launcher import LoggingLauncher, lock
from mmavs.engine.steps import read_config

from benchmarks.stepping_stones_runs import (
    ROOT,
    SYSTEMS,
    Seed,
)
from benchmarks.stepping_stones_table import PROTOCOLS, make_rows, print_table

SUBSET = 'v1m'
NUM_CLASSES = 14
DATA_SEED = 0


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
        '--work-dir',
        type=Path,
        help='default: work_dirs/stepping_stones_study, of EASE with _ease',
    )
    parser.add_argument(
        '--data-root', type=Path, default=ROOT / 'data/synthetic_avss'
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
        '--equal-totals',
        action='store_true',
        help='add rows with equal total steps',
    )
    parser.add_argument(
        '--longer',
        action='store_true',
        help='add the masks of a stage one with twice the steps',
    )
    parser.add_argument(
        '--jobs',
        type=int,
        default=2,
        help='simultaneous trainings, default: %(default)s',
    )
    parser.add_argument(
        '--json', type=Path, help='default: WORK_DIR/table.json'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of all configs, as in tools/train.py',
    )
    args = parser.parse_args()
    if args.work_dir is None:
        suffix = '' if args.system == 'aavs' else f'_{args.system}'
        args.work_dir = ROOT / f'work_dirs/stepping_stones_study{suffix}'
    return args


def submit(
    pool: ThreadPoolExecutor,
    seeds: list[Seed],
    equal_totals: bool,
    longer: bool,
) -> list[dict]:
    """Submit all trainings and tests to a pool.

    Args:
        pool (ThreadPoolExecutor): The pool.
        seeds (list[Seed]): The seeds.
        equal_totals (bool): See ``--equal-totals``.
        longer (bool): See ``--longer``.

    Returns:
        list[dict]: Per seed, name -> future result.
    """
    # A job is submitted after the jobs that it waits for, so that a pool of
    # any size finishes.
    jobs: list[dict[str, Future]] = [{} for _ in seeds]
    for job, seed in zip(jobs, seeds, strict=True):
        job['stage one'] = pool.submit(seed.stage_one, 1)
        job['single stage'] = pool.submit(seed.single_stage, 1)
        for row in seed.system.rows:
            job[row] = pool.submit(seed.stage_two, row, job['stage one'])
    for job, seed in zip(jobs, seeds, strict=True):
        one, whole = job['stage one'], next(iter(seed.system.rows))
        if equal_totals:
            job['longer'] = pool.submit(seed.single_stage, 2)
            job['goes on'] = pool.submit(seed.single_stage, 1, one)
            job['goes on, two'] = pool.submit(seed.stage_two, whole, one, True)
        if longer:
            job['better stage one'] = pool.submit(seed.stage_one, 2)
    if not longer:
        return jobs
    for job, seed in zip(jobs, seeds, strict=True):
        for row in seed.system.rows:
            job[f'{row}, better'] = pool.submit(
                seed.with_other_masks,
                row,
                job[row],
                job['better stage one'],
            )
    return jobs


def run_all(
    args: argparse.Namespace, launcher: LoggingLauncher
) -> dict[str, list[dict]]:
    """Run all trainings and tests that are not finished.

    Args:
        args (argparse.Namespace): The command line.
        launcher (LoggingLauncher): Starts the tools.

    Returns:
        dict[str, list[dict]]: Row -> metrics, one per seed.
    """
    loaders = [f'{split}_dataloader' for split in SPLITS]
    root = args.data_root.resolve()
    options = [
        *(f'{loader}.dataset.data_root={root}' for loader in loaders),
        *(f'{loader}.num_workers=0' for loader in loaders),
        *args.cfg_options,
    ]
    system = SYSTEMS[args.system]
    seeds = [
        Seed(seed, args.work_dir, launcher, args.max_epochs, options, system)
        for seed in args.seeds
    ]
    pool = ThreadPoolExecutor(args.jobs)
    try:
        results = [
            {name: job.result() for name, job in seed.items()}
            for seed in submit(pool, seeds, args.equal_totals, args.longer)
        ]
    finally:  # after a failed step, start no other
        pool.shutdown(cancel_futures=True)
    rows = [_rows_of_seed(found, list(system.rows)) for found in results]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _rows_of_seed(found: dict, names: list[str]) -> dict[str, dict]:
    """Sort a seed's results as in the table: row -> metrics."""
    rows = {
        'stage one': found['stage one'].metrics,
        'single stage': found['single stage'],
    }
    for row in names:
        rows[row] = found[row].metrics
    for row in names:
        rows[f'{row}, oracle prior'] = found[row].oracle_metrics
    if 'longer' in found:
        whole, two = names[0], found['goes on, two']
        rows |= {
            'single stage, steps of both': found['longer'],
            'stage one, then single stage': found['goes on'],
            f'{whole}, with its weights': two.metrics,
            f'{whole}, with its weights, oracle prior': two.oracle_metrics,
        }
    if 'better stage one' in found:
        rows['better stage one'] = found['better stage one'].metrics
        for row in names:
            rows[f'{row}, better stage one'] = found[f'{row}, better']
    return rows


def main() -> None:
    """Run the remaining steps, then print and write the tables."""
    args = parse_args()
    clips = dict(zip(SPLITS, args.clips, strict=True))
    write_dataset(
        args.data_root,
        clips,
        subsets=[SUBSET],
        num_classes=NUM_CLASSES,
        seed=DATA_SEED,
    )
    args.work_dir = args.work_dir.resolve()
    with lock(args.work_dir) as descriptor:
        launcher = LoggingLauncher(
            *('none', 1, None, descriptor, ROOT / 'tools'),
            environment=dict(OMP_NUM_THREADS='1'),
        )
        results = run_all(args, launcher)
    batch_size = read_config(
        str(SYSTEMS[args.system].single_stage), args.cfg_options
    ).train_dataloader.batch_size
    steps = args.max_epochs * math.ceil(clips['train'] / batch_size)
    rows = make_rows(results)
    report = dict(
        data='synthetic, not AVSBench',
        system=args.system,
        clips=clips,
        classes=NUM_CLASSES,
        data_seed=DATA_SEED,
        seeds=args.seeds,
        steps_per_stage=steps,
        rows=rows,
    )
    path = args.json or args.work_dir / 'table.json'
    write_json(path, report)
    print(
        f'\nSynthetic, not AVSBench: {NUM_CLASSES} classes and the '
        f'background, {clips["test"]} clips tested; {steps} steps of '
        f'{batch_size} clips in each stage.\nPercent, mean +- standard '
        f'deviation over seeds {", ".join(map(str, args.seeds))}; all of it '
        f'in {path}.'
    )
    for protocol in ('split', *PROTOCOLS):
        print_table(rows, protocol)


if __name__ == '__main__':
    main()

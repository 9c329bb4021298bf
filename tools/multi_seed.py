"""Train and test a config with several seeds; print mean, spread, interval.

    python tools/multi_seed.py CONFIG --seeds 3 [--robustness]

trains with the seeds 0, 1 and 2 (several numbers after --seeds are the seeds
themselves), tests each training's checkpoint (the best on validation if the
config keeps it, else the last) and writes all metrics to a result file. The
same command continues after an interruption: finished seeds are not repeated,
and an interrupted training resumes from its last checkpoint. What the
trainings and tests print is in train.txt and test.txt next to their results.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

from mmavs.atomic_file import write_json
from mmavs.config_file import check_entries, check_train_cfg
from mmavs.engine import (
    add_traceback_argument,
    error_line,
    quiet_libraries,
    warn_of_test_selection,
)
from mmavs.engine.launcher import (
    Launcher,
    LoggingLauncher,
    device_variables,
    lock,
)
from mmavs.engine.results import merge_results, read_result
from mmavs.engine.steps import (
    RESULT,
    read_config,
    run_robustness,
    run_test,
    run_training,
)
from mmavs.evaluation.seeds import summarise_robustness
from mmavs.output_path import check_output_file
from rich.box import ASCII
from rich.console import Console
from rich.table import Table

_WIDTH = 100
_MAX_SEEDS = 1000


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str] | None): Its words; None for those of the process.

    Returns:
        argparse.Namespace: Its values; ``seeds`` is the list of seeds.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--seeds',
        nargs='+',
        type=int,
        default=[3],
        metavar='N',
        help='one number: how many seeds, from 0 (default: 3); several: the '
        'seeds',
    )
    parser.add_argument(
        '--robustness',
        action='store_true',
        help='also test with other sounds, as tools/robustness.py',
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        '--devices',
        nargs='+',
        metavar='DEVICE',
        help='train one seed on each of these at the same time: cuda:0 '
        'cuda:1; a device named twice gets two seeds',
    )
    where.add_argument(
        '--jobs',
        type=int,
        default=1,
        help='seeds at the same time, all on the default device (default: 1)',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        metavar='DIR',
        help='default: work_dirs/NAME_seeds, where NAME is that of the config',
    )
    parser.add_argument(
        '--results',
        type=Path,
        metavar='FILE',
        help='result file (default: DIR/results.json)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of the config, as in tools/train.py',
    )
    add_traceback_argument(parser)
    args = parser.parse_args(argv)
    if len(args.seeds) == 1:
        if args.seeds[0] > _MAX_SEEDS:
            parser.error(f'--seeds: expected at most {_MAX_SEEDS} seeds')
        args.seeds = list(range(args.seeds[0]))
    if not args.seeds or len(set(args.seeds)) < len(args.seeds):
        parser.error(
            '--seeds: expected a number of seeds of at least 1, or several '
            'different seeds'
        )
    if args.jobs < 1:
        parser.error(f'--jobs must be at least 1, got {args.jobs}')
    for device in args.devices or []:
        if re.fullmatch(r'cuda:\d+', device) is None:
            parser.error(f'--devices: expected names as cuda:0, got {device}')
    if args.work_dir is None:
        name = f'{Path(args.config).stem}_seeds'
        args.work_dir = Path('work_dirs', name)
    args.results = args.results or args.work_dir / 'results.json'
    return args


def run_seed(
    seed: int, args: argparse.Namespace, launcher: Launcher
) -> dict[str, Any]:
    """Train and test with one seed, or read what is finished.

    Args:
        seed (int): Seed of all random numbers.
        args (argparse.Namespace): The command line.
        launcher (Launcher): Starts the tools.

    Returns:
        dict[str, Any]: A result file's content with one run. With
        ``--robustness`` the run has ``robustness``.
    """
    options = [*args.cfg_options, f'randomness.seed={seed}']
    trained = run_training(
        *(launcher, args.work_dir / f'seed_{seed}', 'training'),
        *(args.config, options),
    )
    run = run_test(launcher, args.config, options, trained)
    assert run['seed'] == seed, trained.folder
    result = read_result(trained.folder / RESULT)
    if args.robustness:
        found = run_robustness(launcher, args.config, options, trained)
        result['runs'][0]['robustness'] = found
    return result


def run_seeds(args: argparse.Namespace, launcher: Launcher) -> dict[str, Any]:
    """Run all seeds, several at the same time.

    Args:
        args (argparse.Namespace): The command line.
        launcher (Launcher): Starts the tools.

    Returns:
        dict[str, Any]: The content of the result file.
    """
    places: Queue[Mapping[str, str]] = Queue()
    for place in device_variables(args.devices) * args.jobs:
        places.put(place)

    def run(seed: int) -> dict[str, Any]:
        place = places.get()
        try:
            variables = {**launcher.environment, **place}
            here = launcher._replace(environment=variables)
            return run_seed(seed, args, here)
        finally:
            places.put(place)

    pool = ThreadPoolExecutor(places.qsize())
    try:
        jobs = [pool.submit(run, seed) for seed in args.seeds]
        results = [job.result() for job in jobs]
    finally:  # after a failed step, start no other
        pool.shutdown(cancel_futures=True)
    merged = merge_results(results)
    if args.robustness:
        merged['robustness_summary'] = summarise_robustness(merged['runs'])
    return merged


def print_summary(result: Mapping[str, Any]) -> None:
    """Print mean, spread and interval of every metric.

    Args:
        result (Mapping[str, Any]): From :func:`run_seeds`.
    """
    seeds = ', '.join(str(run['seed']) for run in result['runs'])
    data = 'SYNTHETIC clips' if result['data'].get('synthetic') else 'clips'
    title = f'{result["config"]}, {data}, seeds {seeds}'
    table = Table(title=title, box=ASCII)
    for name in ('metric', 'mean', 'spread', '95 % interval of the mean'):
        table.add_column(name, justify='left' if name == 'metric' else 'right')
    rows = {**result['summary'], **result.get('robustness_summary', {})}
    for name, row in rows.items():
        cells = [f'{row["mean"]:.4f}', '-', '-']
        if row['spread'] is not None:
            low, high = row['interval']
            cells[1:] = [f'{row["spread"]:.4f}', f'[{low:.4f}, {high:.4f}]']
        table.add_row(name, *cells)
    Console(width=_WIDTH).print(table)


def check_results_path(path: Path) -> None:
    """Check that the result file may be written.

    Args:
        path (Path): The file; an earlier result file may be replaced.

    Raises:
        ValueError: If it is a folder or another file.
        OSError: If nothing can be written there.
    """
    check_output_file(path, force=True)
    if path.exists():
        read_result(path)
    if path.parent.is_file():
        raise ValueError(
            f'{path.parent}: expected a folder, got a file; choose another '
            'with --work-dir or --results.'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent):
        pass  # the trainings come before the file is written


def run_all(args: argparse.Namespace) -> None:
    """Check the config, run all seeds, print and write the result.

    Args:
        args (argparse.Namespace): The command line.
    """
    quiet_libraries()
    cfg = read_config(args.config, args.cfg_options)
    check_entries(
        cfg,
        *('model', 'train_dataloader', 'train_cfg', 'optim_wrapper'),
        *('test_dataloader', 'test_cfg', 'test_evaluator'),
    )
    check_train_cfg(cfg)
    check_results_path(args.results)
    warn_of_test_selection(cfg)
    with lock(args.work_dir) as descriptor:
        launcher = LoggingLauncher(
            *('none', 1, None, descriptor),
            Path(__file__).resolve().parent,
        )
        result = run_seeds(args, launcher)
    write_json(args.results, result)
    print_summary(result)
    print(f'All figures: {args.results}')


def main(argv: Sequence[str] | None = None) -> None:
    """Run all seeds; wrong input ends in one line.

    Args:
        argv (Sequence[str] | None): See :func:`parse_args`.
    """
    args = parse_args(argv)
    with error_line(args):
        run_all(args)


if __name__ == '__main__':
    main()

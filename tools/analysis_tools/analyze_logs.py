"""Plot curves and times of trainings from their logs.

Usage, as in mmdetection::

    python tools/analysis_tools/analyze_logs.py plot_curve LOG [LOG ...] \
        --keys loss split/mIoU --out curves.png
    python tools/analysis_tools/analyze_logs.py cal_train_time LOG [LOG ...]

LOG is ``WORK_DIR/TIME/vis_data/scalars.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mmavs.atomic_file import atomic_path
from mmavs.engine import add_traceback_argument, error_line

_PICTURES = ('.png', '.pdf', '.svg')


class Curve(NamedTuple):
    """Values of one key in a log.

    Attributes:
        steps (list[int]): Iterations of the training; a validation has that
            of the last logged training step before it.
        values (list[float]): The values.
    """

    steps: list[int]
    values: list[float]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tasks = parser.add_subparsers(dest='task', required=True)
    plot = tasks.add_parser('plot_curve', help='draw values over iterations')
    plot.set_defaults(run=plot_curve)
    plot.add_argument('json_logs', nargs='+', metavar='LOG')
    plot.add_argument(
        '--keys',
        nargs='+',
        default=['split/mIoU'],
        help='names of the values (default: split/mIoU)',
    )
    plot.add_argument('--title', help='title of the figure')
    plot.add_argument(
        '--legend', nargs='+', help='names of the curves, key after key, log '
        'after log (default: the key, and the name of the work dir)',
    )  # fmt: skip
    plot.add_argument(
        '--out',
        type=Path,
        required=True,
        help='picture to write: .png, .pdf or .svg',
    )
    times = tasks.add_parser('cal_train_time', help='print seconds per step')
    times.set_defaults(run=cal_train_time)
    times.add_argument('json_logs', nargs='+', metavar='LOG')
    for task in (plot, times):
        add_traceback_argument(task)
    args = parser.parse_args(argv)
    if args.task == 'plot_curve' and args.legend is not None:
        expected = len(args.json_logs) * len(args.keys)
        if len(args.legend) != expected:
            parser.error(
                f'--legend: expected {expected} names, one for each key of '
                f'each log, got {len(args.legend)}'
            )
    return args


def read_log(path: str) -> list[dict[str, Any]]:
    """Read a log of mmengine.

    Args:
        path (str): ``scalars.json``, one JSON object in each line.

    Returns:
        list[dict[str, Any]]: The lines.

    Raises:
        ValueError: If the file is not such a log.
    """
    text = Path(path).read_text(encoding='utf-8')
    try:
        lines = [json.loads(line) for line in text.splitlines() if line]
    except ValueError as error:
        raise ValueError(
            f'{path}: expected a log with one JSON object in each line, got '
            f'another file ({error}); give WORK_DIR/TIME/vis_data/scalars.json'
        ) from error
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise ValueError(
            f'{path}: expected a log with JSON objects, got none; give '
            'WORK_DIR/TIME/vis_data/scalars.json of a training.'
        )
    return lines


def find_curve(path: str, log: Sequence[dict[str, Any]], key: str) -> Curve:
    """Collect the values of a key.

    Args:
        path (str): Names the log in errors.
        log (Sequence[dict[str, Any]]): Its lines.
        key (str): The key.

    Returns:
        Curve: At least one value.

    Raises:
        ValueError: If the log has no such key, or a value is no number.
    """
    steps, values, step = [], [], 0
    for line in log:
        # The step of a validation is the epoch, or the iteration.
        step = line.get('step', step) if 'loss' in line else step
        if key not in line:
            continue
        if not isinstance(line[key], (int, float)):
            raise ValueError(
                f'{path}: expected numbers of {key!r}, got {line[key]!r}.'
            )
        steps.append(step or line.get('step', 0))
        values.append(line[key])
    if not values:
        known = sorted({name for line in log for name in line} - {'step'})
        raise ValueError(
            f'{path}: expected values of {key!r}, found none; there are '
            f'{", ".join(known)}.'
        )
    return Curve(steps, values)


def plot_curve(args: argparse.Namespace) -> None:
    """Draw one curve for each key of each log.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        ValueError: If ``--out`` has another ending or is a folder, or a log
            has no such curve.
    """
    if args.out.suffix not in _PICTURES or args.out.is_dir():
        raise ValueError(
            f'--out {args.out}: expected a file whose name ends in '
            f'{", ".join(_PICTURES)}.'
        )
    figure = Figure(figsize=(8, 5), layout='constrained')
    axes = figure.subplots()
    names = iter(args.legend or ())
    for path in args.json_logs:
        log = read_log(path)
        for key in args.keys:
            curve = find_curve(path, log, key)
            # Few values, such as those of validations, get a mark each.
            marker = 'o' if len(curve.values) < 50 else None
            name = next(names, _curve_name(path, key, args.json_logs))
            axes.plot(*curve, label=name, marker=marker, markersize=3)
    axes.set_xlabel('iteration')
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    if args.title is not None:
        axes.set_title(args.title)
    FigureCanvasAgg(figure)
    with atomic_path(args.out) as temporary:
        kind = args.out.suffix.lstrip('.')
        figure.savefig(temporary, dpi=110, format=kind)
    print(f'Wrote {args.out}')


def _curve_name(path: str, key: str, paths: Sequence[str]) -> str:
    if len(paths) == 1:
        return key
    # WORK_DIR/TIME/vis_data/scalars.json
    parents = Path(path).resolve().parents
    return f'{parents[min(2, len(parents) - 1)].name} {key}'


def cal_train_time(args: argparse.Namespace) -> None:
    """Print the seconds per iteration of each training.

    Args:
        args (argparse.Namespace): The command line.
    """
    for path in args.json_logs:
        # Validations have times of their own.
        steps = [line for line in read_log(path) if 'loss' in line]
        times = find_curve(path, steps, 'time')
        seconds = np.array(times.values)
        print(
            f'{path}: {seconds.mean():.4f} s per iteration on average, '
            f'median {np.median(seconds):.4f}, from {seconds.min():.4f} to '
            f'{seconds.max():.4f} ({len(seconds)} logged values)'
        )


def main() -> None:
    """Run the task; wrong input ends in one line."""
    args = parse_args()
    with error_line(args):
        args.run(args)


if __name__ == '__main__':
    main()

"""Train, test and time all systems under equal conditions, on synthetic clips.

    python -m benchmarks.compare_systems [--tasks ms3] [--seeds 0 1 2]

Each system's tiny config, configs/synthetic/SYSTEM_tiny_TASK-96x96.py, is
trained for the same number of steps on the same clips in the same order. Its
last weights are tested under one protocol, once with each clip's own sound
and once with the sound of the next clip: a system that uses the sound loses
much of its mIoU in the second test. The costs are parameters, GFLOPs
per frame, frames per second, and the memory that segmenting a clip of five
frames adds. The results describe the code on these clips, not on AVSBench.

An interrupted training resumes and a finished one is not repeated, so use a
new --work-dir for every change of the clips or of the code. What the trainings
and tests print is in train.txt and test.txt next to their results. Create the
clips with tools/dataset_converters/make_synthetic.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmavs.engine import add_traceback_argument, error_line
from mmavs.engine.launcher import Launcher, LoggingLauncher, lock

from benchmarks.compare_systems_runs import (
    ROOT,
    Plan,
    make_plans,
    measure_costs,
    read_bound,
    train_and_test,
)
from benchmarks.compare_systems_table import (
    NOTE,
    print_tables,
    summarise_runs,
)

SYSTEMS = ('aavs', 'avsegformer', 'tpavi', 'ease')
#: The AVSS-like clips show a few of the 71 classes; only the protocol
#: `dataset` leaves the absent ones out.
PROTOCOLS = {
    's4': 'stepping_stones',
    'ms3': 'stepping_stones',
    'avss': 'dataset',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--systems', nargs='+', default=SYSTEMS)
    parser.add_argument(
        '--tasks', nargs='+', choices=PROTOCOLS, default=list(PROTOCOLS)
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0])
    parser.add_argument(
        '--max-epochs', type=int, help="instead of the configs' own"
    )
    parser.add_argument(
        '--data-root', help="clips of all tasks, instead of the configs' own"
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/compare_systems')
    )
    parser.add_argument(
        '--rounds', type=int, default=10, help='clips timed of each system'
    )
    parser.add_argument(
        '--json', action='store_true', help='print JSON instead of tables'
    )
    add_traceback_argument(parser)
    return parser.parse_args()


def compare(args: argparse.Namespace, launcher: Launcher) -> dict[str, Any]:
    """Train, test and measure as the command line asks.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.
        launcher (Launcher): Starts the tools.

    Returns:
        dict[str, Any]: The report that ``--json`` prints.

    Raises:
        FileNotFoundError: If a config or the clips are missing.
        ValueError: If the systems do not train alike, or the clips belong
            to another subset.
    """
    plans = {
        task: make_plans(args.systems, task, args.max_epochs, args.data_root)
        for task in args.tasks
    }
    bounds = {
        task: read_bound(task, found[args.systems[0]].cfg)
        for task, found in plans.items()
    }
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    report: dict[str, Any] = dict(
        note=NOTE,
        device=device,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        seeds=args.seeds,
        tasks={},
    )
    for task, found in plans.items():
        runs = _train_task(task, found, args, launcher)
        configs = {system: plan.cfg for system, plan in found.items()}
        costs = measure_costs(configs, device, args.rounds)
        epochs = {cfg.train_cfg.max_epochs for cfg in configs.values()}
        report['tasks'][task] = dict(
            protocol=PROTOCOLS[task],
            epochs=epochs.pop(),
            num_steps=runs[args.systems[0]][0]['num_steps'],
            sound_blind_miou=bounds[task],
            systems={
                system: dict(
                    config=Path(cfg.filename).name,
                    **costs[system],
                    runs=runs[system],
                    **summarise_runs(runs[system], PROTOCOLS[task]),
                )
                for system, cfg in configs.items()
            },
        )
    return report


def _train_task(
    task: str,
    plans: Mapping[str, Plan],
    args: argparse.Namespace,
    launcher: Launcher,
) -> dict[str, list[dict]]:
    """Train every system with every seed."""
    runs: dict[str, list[dict]] = {system: [] for system in plans}
    for seed in args.seeds:
        for system, plan in plans.items():
            run = train_and_test(
                *(plan, args.work_dir / task, f'{system}_seed-{seed}'),
                seed=seed,
                launcher=launcher,
            )
            runs[system].append(run)
    return runs


def main() -> None:
    """Compare and print."""
    args = parse_args()
    with (
        error_line(args),
        contextlib.redirect_stdout(sys.stderr),  # stdout is for the report
        lock(args.work_dir) as descriptor,
    ):
        launcher = LoggingLauncher('none', 1, None, descriptor, ROOT / 'tools')
        report = compare(args, launcher)
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print_tables(report)


if __name__ == '__main__':
    main()

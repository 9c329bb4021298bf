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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmavs.checkpoint import load_from_local
from mmavs.datasets.avsbench import SPLITS
from mmavs.engine.launcher import Launcher, LoggingLauncher, lock
from mmavs.engine.steps import read_config, run_test, run_training
from mmengine.config import Config

from benchmarks.compare_systems_table import (
    NOTE,
    print_tables,
    summarise_runs,
)
from benchmarks.system_costs import (
    build_segmenter,
    count_parameters,
    frames_per_second,
    gflops_per_frame,
    peak_memory,
)

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = ('aavs', 'avsegformer', 'tpavi', 'ease')
#: The AVSS-like clips show a few of the 71 classes; only the protocol
#: `dataset` leaves the absent ones out.
PROTOCOLS = {
    's4': 'stepping_stones',
    'ms3': 'stepping_stones',
    'avss': 'dataset',
}
#: Task -> subset of the clips, and options of make_synthetic.py.
CLIPS = {
    's4': ('v1s', ''),
    'ms3': ('v1m', ''),
    'avss': ('v1m', ' --classes 14 --test 96'),
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
    return parser.parse_args()


class Plan(NamedTuple):
    """What is trained for a system.

    Attributes:
        config (Path): Its config file.
        options (list[str]): Overrides of it, as KEY=VALUE.
        cfg (Config): The config with these overrides.
    """

    config: Path
    options: list[str]
    cfg: Config


def make_plans(
    systems: Sequence[str],
    task: str,
    max_epochs: int | None = None,
    data_root: str | None = None,
) -> dict[str, Plan]:
    """Read the configs of a task and check that they train alike.

    Args:
        systems (Sequence[str]): Prefixes of config files.
        task (str): 's4', 'ms3' or 'avss'.
        max_epochs (int | None): Replaces the configs' number of epochs.
        data_root (str | None): Replaces the configs' data root.

    Returns:
        dict[str, Plan]: By system.

    Raises:
        FileNotFoundError: If a system has no tiny config of the task.
        ValueError: If systems differ in batch size or number of epochs.
    """
    plans = {}
    for system in systems:
        path = ROOT / f'configs/synthetic/{system}_tiny_{task}-96x96.py'
        if not path.is_file():
            there = sorted(path.parent.glob(f'*_tiny_{task}-96x96.py'))
            raise FileNotFoundError(
                f'no config {path.name} of system {system!r}; there are '
                f'{[other.name for other in there]} in configs/synthetic'
            )
        options = _make_options(Config.fromfile(path), max_epochs, data_root)
        plans[system] = Plan(path, options, read_config(str(path), options))
    steps = {
        system: (cfg.train_dataloader.batch_size, cfg.train_cfg.max_epochs)
        for system, (_, _, cfg) in plans.items()
    }
    if len(set(steps.values())) > 1:
        raise ValueError(
            'all systems must train with one batch size for one number of '
            f'epochs, got (batch size, epochs) {steps} for {task}'
        )
    return plans


def _make_options(
    cfg: Config, max_epochs: int | None, data_root: str | None
) -> list[str]:
    """List the overrides of a config: last weights, length, clips."""
    options = ['default_hooks.checkpoint.save_best=None']
    if max_epochs is not None:
        options.append(f'train_cfg.max_epochs={max_epochs}')
        # The schedule of the learning rate has the length of the training.
        options += [
            f'param_scheduler.{i}.T_max={max_epochs}'
            for i, scheduler in enumerate(cfg.get('param_scheduler') or [])
            if scheduler.get('T_max') == cfg.train_cfg.max_epochs
        ]
    if data_root is not None:
        options += [
            f'{split}_dataloader.dataset.data_root={data_root}'
            for split in SPLITS
        ]
    return options


def train_and_test(
    plan: Plan, root: Path, name: str, *, seed: int, launcher: Launcher
) -> dict[str, Any]:
    """Train or resume a system and test its last weights.

    Args:
        plan (Plan): From :func:`make_plans`.
        root (Path): Folder of the trainings of a task.
        name (str): Name of this training.
        seed (int): Seed of all random numbers.
        launcher (Launcher): Starts the tools.

    Returns:
        dict[str, Any]: The run of a result file with ``num_steps`` and
        ``metrics_exchanged`` (every clip with the sound of the next clip).
    """
    config, options = str(plan.config), [*plan.options]
    options.append(f'randomness.seed={seed}')
    trained = run_training(launcher, root, name, config, options)
    run = run_test(launcher, config, options, trained)
    exchanged = run_test(
        *(launcher, config, options),
        trained._replace(folder=trained.folder / 'exchanged_sound'),
        ['--swap-sound'],
    )
    meta = load_from_local(str(trained.checkpoint), 'cpu')['meta']
    return dict(
        run, num_steps=meta['iter'], metrics_exchanged=exchanged['metrics']
    )


def measure_costs(
    configs: Mapping[str, Config], device: str, rounds: int
) -> dict[str, dict[str, Any]]:
    """Measure the costs of each system; timing is interleaved.

    Args:
        configs (Mapping[str, Config]): By system.
        device (str): 'cpu' or 'cuda'.
        rounds (int): Clips timed of each system.

    Returns:
        dict[str, dict[str, Any]]: By system: ``parameters``,
        ``gflops_per_frame``, ``frames_per_second``, ``peak_memory_bytes``.
    """
    segmenters = {
        system: build_segmenter(cfg.filename, device)
        for system, cfg in configs.items()
    }
    speeds = frames_per_second(segmenters, rounds, device)
    return {
        system: dict(
            parameters=count_parameters(segmenter),
            gflops_per_frame=gflops_per_frame(segmenter),
            frames_per_second=speeds[system],
            peak_memory_bytes=peak_memory(configs[system].filename, device),
        )
        for system, segmenter in segmenters.items()
    }


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
        task: _read_bound(task, found[args.systems[0]].cfg)
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


def _read_bound(task: str, cfg: Config) -> float | None:
    """Read the best mIoU that is possible without sound on these clips."""
    root = cfg.test_dataloader.dataset.data_root
    facts = Path(root, 'facts.json')
    subset, options = CLIPS[task]
    command = (
        'python tools/dataset_converters/make_synthetic.py --root {} '
        f'--subsets {subset}{options}'
    )
    if not facts.is_file():
        raise FileNotFoundError(
            f'{facts} not found; make the clips of {task} by '
            f'{command.format(root)}'
        )
    bounds = json.loads(facts.read_text('utf-8'))['sound_blind_miou']
    if subset not in bounds:
        other = f'{root}_{task}'
        raise ValueError(
            f'expected clips of subset {subset} for {task} in {root}, got '
            f'those of {sorted(bounds)}; make them by '
            f'{command.format(other)} and give --tasks {task} '
            f'--data-root {other}'
        )
    return None if task == 'avss' else bounds[subset]['test']


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
    try:
        # stdout is for the report.
        with (
            contextlib.redirect_stdout(sys.stderr),
            lock(args.work_dir) as descriptor,
        ):
            launcher = LoggingLauncher(
                'none', 1, None, descriptor, ROOT / 'tools'
            )
            report = compare(args, launcher)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'compare_systems.py: {error}')
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print_tables(report)


if __name__ == '__main__':
    main()

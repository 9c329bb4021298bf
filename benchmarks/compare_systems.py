"""Train, test and time the systems on equal terms, on synthetic clips.

    python -m benchmarks.compare_systems [--tasks ms3] [--seeds 0 1 2]

Each system's tiny config, configs/synthetic/SYSTEM_tiny_TASK-96x96.py, is
trained for the same number of steps on the same clips in the same order, and
its last weights are tested under one protocol. The costs are measured beside:
parameters; GFLOPs of a frame; frames a second, the systems taking turns; and
the memory that segmenting a clip of five frames adds. Everything says
something about the code and these clips, and nothing about AVSBench.

A training that was stopped goes on where it was, and one that is done is not
repeated: give every data set and every change a --work-dir of its own. Make
the clips by tools/dataset_converters/make_synthetic.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmavs.atomic_file import write_json
from mmavs.datasets.avsbench import SPLITS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import Progress

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
SYSTEMS = ('aavs', 'avsegformer', 'tpavi')
#: In AVSS of 71 classes the clips show a few; only `dataset` leaves the
#: others out.
PROTOCOLS = {
    's4': 'stepping_stones',
    'ms3': 'stepping_stones',
    'avss': 'dataset',
}
#: Task -> subset of the clips, and options that make those of the README.
CLIPS = {
    's4': ('v1s', ''),
    'ms3': ('v1m', ''),
    'avss': ('v1m', ' --classes 14 --test 96'),
}


class ShowProgress(Hook):
    """Advance a progress bar with every step of a training.

    Args:
        progress (Progress): The display.
        description (str): What is trained.
    """

    def __init__(self, progress: Progress, description: str) -> None:
        self.progress = progress
        self.task = progress.add_task(description, total=None)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Show the step."""
        self.progress.update(
            self.task, total=runner.max_iters, completed=runner.iter + 1
        )


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
    parser.add_argument('--work-dir', default='work_dirs/compare_systems')
    parser.add_argument(
        '--rounds', type=int, default=10, help='clips timed of each system'
    )
    parser.add_argument(
        '--json', action='store_true', help='print JSON instead of tables'
    )
    return parser.parse_args()


def load_configs(
    systems: Sequence[str],
    task: str,
    max_epochs: int | None = None,
    data_root: str | None = None,
) -> dict[str, Config]:
    """Read a task's configs and make sure that they train alike.

    Args:
        systems (Sequence[str]): Names that config files begin with.
        task (str): 's4', 'ms3' or 'avss'.
        max_epochs (int | None): Epochs instead of the configs' own.
        data_root (str | None): Clips instead of the configs' own.

    Returns:
        dict[str, Config]: By system.

    Raises:
        FileNotFoundError: If a system has no tiny config of the task.
        ValueError: If systems differ in batch size or number of epochs.
    """
    configs = {}
    for system in systems:
        path = ROOT / f'configs/synthetic/{system}_tiny_{task}-96x96.py'
        if not path.is_file():
            there = sorted(path.parent.glob(f'*_tiny_{task}-96x96.py'))
            raise FileNotFoundError(
                f'no config {path.name} of system {system!r}; there are '
                f'{[other.name for other in there]} in configs/synthetic'
            )
        configs[system] = Config.fromfile(path)
        if max_epochs is not None:
            _set_epochs(configs[system], max_epochs)
        if data_root is not None:
            for split in SPLITS:
                loader = configs[system][f'{split}_dataloader']
                loader.dataset.data_root = data_root
    steps = {
        system: (cfg.train_dataloader.batch_size, cfg.train_cfg.max_epochs)
        for system, cfg in configs.items()
    }
    if len(set(steps.values())) > 1:
        raise ValueError(
            'all systems must train with one batch size for one number of '
            f'epochs, got (batch size, epochs) {steps} for {task}'
        )
    return configs


def _set_epochs(cfg: Config, max_epochs: int) -> None:
    """Change the length of the training and of its schedule."""
    for scheduler in cfg.get('param_scheduler') or []:
        if scheduler.get('T_max') == cfg.train_cfg.max_epochs:
            scheduler.T_max = max_epochs
    cfg.train_cfg.max_epochs = max_epochs


def train_and_test(
    cfg: Config,
    work_dir: Path,
    *,
    seed: int,
    progress: Progress,
    description: str,
) -> dict[str, Any]:
    """Train a system, or go on with it, and test its last weights.

    Args:
        cfg (Config): From :func:`load_configs`; changed.
        work_dir (Path): Folder of this training alone.
        seed (int): Of weights, of order and of whatever is drawn.
        progress (Progress): Shows the steps.
        description (str): What is trained.

    Returns:
        dict[str, Any]: ``seed``, ``num_steps`` and ``metrics``.
    """
    done = work_dir / 'result.json'
    if done.is_file():
        return json.loads(done.read_text(encoding='utf-8'))
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = '_'.join(work_dir.parts[-2:])
    cfg.resume = True  # from the last checkpoint here, if there is one
    cfg.randomness = dict(seed=seed)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(ShowProgress(progress, description))
    runner.train()
    result = dict(seed=seed, num_steps=runner.max_iters, metrics=runner.test())
    write_json(done, result)
    return result


def measure_costs(
    configs: Mapping[str, Config], device: str, rounds: int
) -> dict[str, dict[str, Any]]:
    """Measure what each system costs, the systems taking turns.

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


def compare(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Do what the command line asks for.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.
        progress (Progress): Shows the steps.

    Returns:
        dict[str, Any]: What ``--json`` prints.

    Raises:
        FileNotFoundError: If a config or the clips are missing.
        ValueError: If the systems do not train alike, or the clips are of
            another subset.
    """
    plans = {
        task: load_configs(args.systems, task, args.max_epochs, args.data_root)
        for task in args.tasks
    }
    bounds = {
        task: _read_bound(task, configs[args.systems[0]])
        for task, configs in plans.items()
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
    for task, configs in plans.items():
        runs = _train_task(task, configs, args, progress)
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
    """Read what the best guesser without ears reaches on a task's clips."""
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
    configs: Mapping[str, Config],
    args: argparse.Namespace,
    progress: Progress,
) -> dict[str, list[dict]]:
    """Train every system with every seed."""
    runs: dict[str, list[dict]] = {system: [] for system in configs}
    for seed in args.seeds:
        for system, cfg in configs.items():
            name = f'{system}_{cfg.train_cfg.max_epochs}-epochs_seed-{seed}'
            result = train_and_test(
                cfg.copy(),
                Path(args.work_dir, task, name),
                seed=seed,
                progress=progress,
                description=f'{task} {system}, seed {seed}',
            )
            runs[system].append(result)
    return runs


def main() -> None:
    """Compare and print."""
    args = parse_args()
    log = Path(args.work_dir, 'console.log')
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The runners print all their steps, which is for a file.
        with (
            log.open('a', encoding='utf-8') as file,
            contextlib.redirect_stdout(file),
            Progress(console=Console(stderr=True)) as progress,
        ):
            report = compare(args, progress)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'compare_systems.py: {error}')
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print_tables(report)


if __name__ == '__main__':
    main()

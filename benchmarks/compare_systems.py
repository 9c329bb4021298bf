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
new --work-dir for every data set and every change of the code. Create the
clips with tools/dataset_converters/make_synthetic.py.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
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
from mmengine.runner import Runner, TestLoop
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


class ShowProgress(Hook):
    """Update a progress bar after every training step.

    Args:
        progress (Progress): The display.
        description (str): Text before the bar.
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
        """Update the bar."""
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
    """Read the configs of a task and check that they train alike.

    Args:
        systems (Sequence[str]): Prefixes of config files.
        task (str): 's4', 'ms3' or 'avss'.
        max_epochs (int | None): Replaces the configs' number of epochs.
        data_root (str | None): Replaces the configs' data root.

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
    """Set the length of the training and of its learning-rate schedule."""
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
    """Train or resume a system and test its last weights.

    Args:
        cfg (Config): From :func:`load_configs`; modified in place.
        work_dir (Path): Folder of this training only.
        seed (int): Seed of all random numbers.
        progress (Progress): Shows the steps.
        description (str): Text before the progress bar.

    Returns:
        dict[str, Any]: ``seed``, ``num_steps``, ``metrics`` and
        ``metrics_exchanged`` (every clip with the sound of the next clip).
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
    exchanged = copy.deepcopy(cfg.test_dataloader)
    exchanged.dataset.sound_from = 'next_clip'
    result = dict(
        seed=seed,
        num_steps=runner.max_iters,
        metrics=runner.test(),
        metrics_exchanged=TestLoop(
            runner, exchanged, cfg.test_evaluator
        ).run(),
    )
    write_json(done, result)
    return result


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


def compare(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Train, test and measure as the command line asks.

    Args:
        args (argparse.Namespace): From :func:`parse_args`.
        progress (Progress): Shows the steps.

    Returns:
        dict[str, Any]: The report that ``--json`` prints.

    Raises:
        FileNotFoundError: If a config or the clips are missing.
        ValueError: If the systems do not train alike, or the clips belong
            to another subset.
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
        # The runners print every step; that goes to a file.
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

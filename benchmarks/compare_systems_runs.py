"""Trainings, tests and costs of the systems, for ``compare_systems``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmavs.checkpoint import load_from_local
from mmavs.datasets.avsbench import SPLITS
from mmavs.engine.launcher import Launcher
from mmavs.engine.steps import read_config, run_test, run_training
from mmengine.config import Config

from benchmarks.system_costs import (
    build_segmenter,
    count_parameters,
    frames_per_second,
    gflops_per_frame,
    peak_memory,
)

ROOT = Path(__file__).resolve().parents[1]
#: Task -> subset of the clips, and options of make_synthetic.py.
CLIPS = {
    's4': ('v1s', ''),
    'ms3': ('v1m', ''),
    'avss': ('v1m', ' --classes 14 --test 96'),
}


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


def read_bound(task: str, cfg: Config) -> float | None:
    """Read the best mIoU that is possible without sound on these clips.

    Args:
        task (str): 's4', 'ms3' or 'avss'.
        cfg (Config): Names the folder of the clips.

    Returns:
        float | None: In 0..1; None for AVSS, where it is not known.

    Raises:
        FileNotFoundError: If there are no clips.
        ValueError: If the clips belong to the subset of another task.
    """
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

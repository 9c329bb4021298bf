"""The steps of a two-stage training; finished steps are skipped.

Each step runs a tool of this project in a new process. When the process has
ended, a record of its inputs is written next to its result. A step without a
record is run again and resumes from its last checkpoint.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mmavs.atomic_file import write_json
from mmavs.checkpoint import final_checkpoint
from mmavs.config_file import OptionsAction, check_option_types
from mmavs.config_file import read_config as read_config_file
from mmavs.datasets.mask_directory import MaskDirectory
from mmavs.fingerprint import hash_config, hash_file
from mmengine.config import Config


class Trained(NamedTuple):
    """Result of a training.

    Attributes:
        folder (Path): Its work dir.
        config_hash (str): SHA-256 of the config and the number of processes.
        checkpoint (Path): The best on validation if the config keeps
            it, else the last.
        checkpoint_hash (str): SHA-256 of the checkpoint file.
    """

    folder: Path
    config_hash: str
    checkpoint: Path
    checkpoint_hash: str


class Launcher(NamedTuple):
    """Starts the tools.

    Attributes:
        name (str): 'none', 'pytorch' or 'slurm'.
        num_processes (int): Number of processes of a training or test.
        partition (str | None): Slurm partition.
        lock (int): File descriptor of the lock, which every started process
            inherits.
        tools (Path): Folder of ``train.py`` and ``test.py``.
    """

    name: str
    num_processes: int
    partition: str | None
    lock: int
    tools: Path

    def command(self, tool: str, *arguments: object) -> list[str]:
        """Make the command line that starts a tool.

        Args:
            tool (str): 'train' or 'test'.
            *arguments (object): Its positional arguments, then its options.

        Returns:
            list[str]: The words of the command. The environment variables
            are set in :meth:`run`.
        """
        words = [str(argument) for argument in arguments]
        if self.name == 'none':
            return [sys.executable, str(self.tools / f'{tool}.py'), *words]
        if self.name == 'slurm':
            script = str(self.tools / f'slurm_{tool}.sh')
            return ['bash', script, str(self.partition), tool, *words]
        # dist_*.sh take the number of processes after the positional ones.
        place = {'train': 1, 'test': 2}[tool]
        words.insert(place, str(self.num_processes))
        return ['bash', str(self.tools / f'dist_{tool}.sh'), *words]

    def run(self, tool: str, *arguments: object) -> None:
        """Print a command, run it, and stop if it fails.

        Args:
            tool (str): 'train' or 'test'.
            *arguments (object): See :meth:`command`.
        """
        words = self.command(tool, *arguments)
        print(f'\n$ {shlex.join(words)}', flush=True)
        environment = {'PYTHON': sys.executable, **os.environ}
        if self.name == 'slurm':
            environment['GPUS'] = str(self.num_processes)
            # The scripts assume four GPUs per node.
            node = min(self.num_processes, 4)
            environment.setdefault('GPUS_PER_NODE', str(node))
        code = start(words, environment, self.lock)
        if code:
            sys.exit(
                f'The command above ended with {code}. Once the cause is '
                'removed, the same command of run_stepping_stones.py goes on '
                'from here.'
            )


def start(words: Sequence[str], environment: Mapping, lock: int) -> int:
    """Run a command.

    Args:
        words (Sequence[str]): The command.
        environment (Mapping): Its environment.
        lock (int): File descriptor that it inherits.

    Returns:
        int: Its exit code.
    """
    return subprocess.run(
        words, env=dict(environment), pass_fds=[lock]
    ).returncode


@contextmanager
def lock(root: Path) -> Iterator[int]:
    """Lock a work dir; wait for processes that a killed run left running.

    A training continues when the command that started it is killed, and it
    must end before another run may use its folder. It inherits the lock and
    holds it until it exits.

    Args:
        root (Path): The work dir, created if it does not exist.

    Yields:
        int: File descriptor that started processes must inherit.

    Raises:
        ValueError: If ``root`` is a file.
    """
    if root.is_file():
        raise ValueError(
            f'work dir {root}: expected a folder, got a file; choose another '
            'with --work-dir.'
        )
    root.mkdir(parents=True, exist_ok=True)
    path = root / '.lock'
    with open(path, 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f'Processes of an earlier run still work in {root}; waiting '
                f'until they end (`fuser {path}` lists them).',
                flush=True,
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def read_config(path: str, options: Sequence[str]) -> Config:
    """Read a config as the tools do.

    Args:
        path (str): Config file.
        options (Sequence[str]): KEY=VALUE, as after ``--cfg-options``.

    Returns:
        Config: The merged config.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument('options', nargs='*', action=OptionsAction)
    cfg = read_config_file(path)
    if options:
        settings = parser.parse_args(list(options)).options
        check_option_types(cfg, settings)
        cfg.merge_from_dict(settings)
    return cfg


def check_stage_two(cfg: Config) -> None:
    """Check, before anything is trained, that a config reads masks.

    Args:
        cfg (Config): What is given as stage two.

    Raises:
        ValueError: If its test pipeline loads no mask prior, as that of a
            stage one.
    """
    pipeline = cfg.test_dataloader.dataset.pipeline
    if all(step['type'] != 'LoadMaskPrior' for step in pipeline):
        raise ValueError(
            f'{cfg.filename} does not use the masks of stage one: expected a '
            'config of stage two, whose test pipeline has LoadMaskPrior; is '
            'it a config of stage one?'
        )


def check_mask_sizes(stage_one: Config, stage_two: Config) -> None:
    """Check before any training that both stages use one mask size.

    Args:
        stage_one (Config): Config that predicts the masks.
        stage_two (Config): Config that reads them.

    Raises:
        ValueError: If stage two's ``mask_prior_check`` expects another size
            than stage one predicts.
    """
    hooks = stage_two.get('default_hooks', {})
    expected = hooks.get('mask_prior_check', {}).get('size')
    sizes = [
        transform['mask_size']
        for transform in stage_one.test_dataloader.dataset.pipeline
        if transform['type'] == 'ClipResize' and 'mask_size' in transform
    ]
    if expected and sizes and tuple(sizes[-1]) != tuple(expected):
        raise ValueError(
            f'{stage_two.filename} takes masks of {tuple(expected)}, but '
            f'{stage_one.filename} predicts masks of {tuple(sizes[-1])}; '
            'choose configs that agree in ClipResize(mask_size=...) and '
            'mask_prior_check.size.'
        )


def read_record(path: Path, **expected: object) -> dict | None:
    """Read the record of a finished step.

    Args:
        path (Path): File of the record.
        **expected (object): Entries that the record must have.

    Returns:
        dict | None: The record; None if it does not exist or its entries
        differ.
    """
    if not path.is_file():
        return None
    record = json.loads(path.read_text(encoding='utf-8'))
    return record if expected.items() <= record.items() else None


def write_record(path: Path, **content: object) -> None:
    """Write the record of a finished step.

    Args:
        path (Path): File, written atomically.
        **content (object): Entries of the record.
    """
    write_json(path, content)


def report_skip(step: str, folder: Path) -> None:
    """Print that a step is skipped."""
    print(f'\nSkipped, already done: {step} ({folder})', flush=True)


def train(
    launcher: Launcher,
    root: Path,
    name: str,
    config: str,
    options: Sequence[str],
    places: Sequence[str] = (),
) -> Trained:
    """Train, resume an interrupted training, or return a finished one.

    Args:
        launcher (Launcher): Starts the tool.
        root (Path): The work dir is ``<root>/<name>-<hash of the config>``,
            so that different configs never share checkpoints.
        name (str): Name of the step.
        config (str): Config file.
        options (Sequence[str]): Overrides that change the result.
        places (Sequence[str]): Overrides that only set paths; not hashed.

    Returns:
        Trained: The result.
    """
    content = read_config(config, options).to_dict()
    config_hash = hash_config(
        {**content, 'num_processes': launcher.num_processes}
    )
    folder = root / f'{name}-{config_hash[:8]}'
    note = folder / 'trained.json'
    record = read_record(note, config_hash=config_hash)
    if record is not None:
        path = folder / record['checkpoint']
        if path.is_file() and hash_file(str(path)) == record['hash']:
            report_skip(f'training of {name}', folder)
            return Trained(folder, config_hash, path, record['hash'])
    launcher.run(
        'train',
        *(config, '--work-dir', folder, '--resume'),
        *('--cfg-options', *options, *places),
    )
    path = final_checkpoint(folder)
    digest = hash_file(str(path))
    write_record(
        note, config_hash=config_hash, checkpoint=path.name, hash=digest
    )
    return Trained(folder, config_hash, path, digest)


def dump_masks(
    launcher: Launcher,
    masks: Path,
    config: str,
    options: Sequence[str],
    trained: Trained,
    *,
    soft: bool = False,
) -> None:
    """Write the masks of all splits of one subset that are missing.

    Args:
        launcher (Launcher): Starts the tool.
        masks (Path): Folder of the masks of all subsets.
        config (str): Config file of stage one.
        options (Sequence[str]): Overrides, among them the subset.
        trained (Trained): The trained stage one.
        soft (bool): Write scores instead of hard masks.
    """
    note = trained.folder / 'dumped.json'
    mode = 'soft' if soft else 'hard'
    directory = MaskDirectory(masks)
    num_clips = directory.count(trained.checkpoint_hash, mode)
    found = {'clips': num_clips, 'mode': mode}
    if num_clips and read_record(note, **found) is not None:
        report_skip(f'masks of {trained.folder.name}', masks)
        return
    launcher.run(
        'test',
        *(config, trained.checkpoint, '--work-dir', trained.folder),
        *('--dump-masks', masks, '--split', 'all'),
        *(['--soft'] if soft else []),
        *('--cfg-options', *options),
    )
    num_clips = directory.count(trained.checkpoint_hash, mode)
    write_record(note, clips=num_clips, mode=mode)


def test(
    launcher: Launcher, config: str, options: Sequence[str], trained: Trained
) -> dict[str, float]:
    """Test a model, or read the metrics of a finished test.

    Args:
        launcher (Launcher): Starts the tool.
        config (str): Config file of the model.
        options (Sequence[str]): Overrides, including paths.
        trained (Trained): The trained model.

    Returns:
        dict[str, float]: The metrics.
    """
    note = trained.folder / 'tested.json'
    record = read_record(note, checkpoint_hash=trained.checkpoint_hash)
    if record is not None:
        report_skip(f'test of {trained.folder.name}', trained.folder)
        return record['metrics']
    out = trained.folder / 'metrics.json'
    launcher.run(
        'test',
        *(config, trained.checkpoint, '--work-dir', trained.folder),
        *('--out', out, '--cfg-options', *options),
    )
    metrics = json.loads(out.read_text(encoding='utf-8'))
    write_record(
        note, checkpoint_hash=trained.checkpoint_hash, metrics=metrics
    )
    return metrics

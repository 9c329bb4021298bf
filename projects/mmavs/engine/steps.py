"""Trainings and tests in processes of their own; finished ones are skipped.

Each step runs a tool of this project in a new process. When the process has
ended, a record of its inputs is written next to its result. A step without a
record is run again and resumes from its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmavs.atomic_file import write_json
from mmavs.checkpoint import final_checkpoint
from mmavs.config_file import OptionsAction, check_option_types
from mmavs.config_file import read_config as read_config_file
from mmavs.fingerprint import hash_config, hash_file

from .launcher import Launcher

#: Files that the tests of a trained model write into its folder.
METRICS = 'metrics.json'
RESULT = 'result.json'
ROBUSTNESS = 'robustness.json'


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


def run_training(
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


def run_test(
    launcher: Launcher,
    config: str,
    options: Sequence[str],
    trained: Trained,
    words: Sequence[str] = (),
) -> dict[str, Any]:
    """Test a model, or read the result of a finished test.

    Args:
        launcher (Launcher): Starts the tool.
        config (str): Config file of the model.
        options (Sequence[str]): Overrides, including paths.
        trained (Trained): The trained model. The result is written into its
            folder, so another test needs another folder.
        words (Sequence[str]): Further arguments of ``tools/test.py``.

    Returns:
        dict[str, Any]: The run as :func:`~mmavs.engine.results.make_result`
        describes it; ``metrics`` has the metrics by name.
    """
    path = trained.folder / RESULT
    run = _read_run(path, trained)
    if run is not None:
        report_skip(f'test of {trained.folder.name}', trained.folder)
        return run
    launcher.run(
        'test',
        *(config, trained.checkpoint, '--work-dir', trained.folder),
        *('--results', path, '--out', trained.folder / METRICS),
        *(*words, '--cfg-options', *options),
    )
    run = _read_run(path, trained)
    assert run is not None, path
    return run


def _read_run(path: Path, trained: Trained) -> dict[str, Any] | None:
    """Read the run of a result file if it is of this checkpoint."""
    if not path.is_file():
        return None
    (run,) = json.loads(path.read_text(encoding='utf-8'))['runs']
    return run if run['checkpoint_hash'] == trained.checkpoint_hash else None


def run_robustness(
    launcher: Launcher, config: str, options: Sequence[str], trained: Trained
) -> dict[str, Any]:
    """Test a model with other sounds, or read what a finished test found.

    Args:
        launcher (Launcher): Starts ``tools/robustness.py``.
        config (str): Config file of the model.
        options (Sequence[str]): Overrides, including paths.
        trained (Trained): The trained model.

    Returns:
        dict[str, Any]: ``conditions`` and ``summary`` of the file that the
        tool writes.
    """
    path = trained.folder / ROBUSTNESS
    found = read_record(path, checkpoint_hash=trained.checkpoint_hash)
    if found is not None:
        report_skip(f'robustness of {trained.folder.name}', trained.folder)
    else:
        launcher.run(
            'robustness',
            *(config, trained.checkpoint, '--work-dir', trained.folder),
            *('--out', path, '--force', '--cfg-options', *options),
        )
        found = json.loads(path.read_text(encoding='utf-8'))
    return {name: found[name] for name in ('conditions', 'summary')}

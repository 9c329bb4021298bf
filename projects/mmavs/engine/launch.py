"""Load the config that a command line names, and join processes."""

from __future__ import annotations

import argparse
import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_distributed
from mmengine.logging import print_log

from mmavs.config_file import (
    OptionsAction,
    check_option_types,
    check_types,
    read_config,
)

from .command_line import add_traceback_argument
from .option_names import warn_of_unknown_names
from .screen_output import quiet_libraries


def add_launch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of all tools that run a config, as in mmseg.

    Args:
        parser (argparse.ArgumentParser): Gets ``config``, ``--work-dir``,
            ``--cfg-options``, ``--launcher``, ``--local-rank`` and
            ``--traceback``.
    """
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints; by default work_dirs/NAME, '
        'where NAME is the name of the config file',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='override settings of the config, nested keys included: '
        'optim_wrapper.optimizer.lr=1e-4 train_cfg.max_epochs=2. Lists are '
        'key="[a,b]", without spaces.',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes are started; dist_*.sh and slurm_*.sh set it',
    )
    # Launchers older than torchrun pass it on the command line.
    parser.add_argument(
        '--local-rank', '--local_rank', type=int, default=0, help='unused'
    )
    add_traceback_argument(parser)


def load_config(args: argparse.Namespace) -> Config:
    """Load the config file and apply the overrides of the arguments.

    Args:
        args (argparse.Namespace): What :func:`add_launch_arguments` added.

    Returns:
        Config: With ``launcher`` and ``work_dir`` set.

    Raises:
        FileNotFoundError: If the config is missing.
        ValueError: If it cannot be read, an override has a wrong type, or
            the work dir is a file.
    """
    quiet_libraries()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config)
    if args.cfg_options is not None:
        check_option_types(cfg, args.cfg_options)
        warn_of_unknown_names(cfg, args.cfg_options)
        cfg.merge_from_dict(args.cfg_options)
        check_types(cfg)
        if 'data_root' in args.cfg_options:
            _set_data_root(cfg, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs', Path(args.config).stem))
    if Path(cfg.work_dir).is_file():
        raise ValueError(
            f'work dir {cfg.work_dir}: expected a folder, got a file; choose '
            'another with --work-dir.'
        )
    return cfg


def _set_data_root(cfg: Config, options: dict[str, Any]) -> None:
    """Apply a ``data_root`` of the command line to the data sets.

    The config's variable ``data_root`` was substituted when the file was
    read, so overriding it has no effect on the data loaders.

    Args:
        cfg (Config): Its loaders' data sets get the ``data_root``, except for
            loaders whose ``data_root`` is in ``options``.
        options (dict[str, Any]): ``--cfg-options``.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        key = f'{name}.dataset.data_root'
        dataset = (cfg.get(name) or {}).get('dataset') or {}
        if 'data_root' in dataset and key not in options:
            cfg.merge_from_dict({key: options['data_root']})


@contextmanager
def joined_processes(cfg: Config) -> Iterator[None]:
    """Join the process group, and destroy it after the block.

    A process-group thread still alive at interpreter exit aborts the process
    ("terminate called without an active exception"), so the group is
    destroyed first. A runner's wrapped model keeps a reference to the group,
    so the block must not keep the runner in a variable.

    If the block raises an error, there is no barrier: the launcher ends the
    other processes.

    Args:
        cfg (Config): See :func:`_join_on_cpu`.

    Yields:
        None

    Raises:
        ValueError: See :func:`_join_on_cpu`.
    """
    _join_on_cpu(cfg)
    yield
    if is_distributed():
        barrier()
        torch.distributed.destroy_process_group()
        # Runner and hooks refer to each other, so only this frees the model.
        gc.collect()


def _join_on_cpu(cfg: Config) -> None:
    """Join the other processes with gloo on a machine without CUDA.

    With CUDA, or with a single process, mmengine's ``Runner`` needs no help.
    With several processes and no CUDA, it would still use a CUDA device.

    Args:
        cfg (Config): Its ``model_wrapper_cfg`` is set for the CPU.

    Raises:
        ValueError: If the launcher is not torchrun (``pytorch``).
    """
    if cfg.launcher == 'none' or torch.cuda.is_available():
        return
    if cfg.launcher != 'pytorch':
        raise ValueError(
            f'--launcher {cfg.launcher} needs CUDA; without it, start several '
            'processes with tools/dist_train.sh or tools/dist_test.sh.'
        )
    if not is_distributed():
        torch.distributed.init_process_group('gloo')
    wrapper = dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    wrapper.update(cfg.get('model_wrapper_cfg') or {})
    cfg.model_wrapper_cfg = dict(wrapper, device_ids=None)
    print_log(
        f'No CUDA device: {torch.distributed.get_world_size()} processes on '
        'the CPU, connected by gloo',
        logger='current',
        level=logging.INFO,
    )

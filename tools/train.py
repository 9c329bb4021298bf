"""Train a model: python tools/train.py CONFIG [options]."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmavs.config_file import check_entries, check_train_cfg
from mmavs.engine import (
    ToolRunner,
    add_launch_arguments,
    error_line,
    joined_processes,
    load_config,
    set_amp,
    warn_of_test_selection,
)
from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint
from mmseg.registry import OPTIMIZERS

_AUTO = 'auto'


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(description='Train a model.')
    add_launch_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const=_AUTO,
        metavar='CHECKPOINT',
        help='resume from this checkpoint or, without a value, from the last '
        'one in the work dir if there is one',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='train with automatic mixed precision: float16 with scaled '
        'losses on CUDA, bfloat16 on the CPU',
    )
    return parser.parse_args()


def find_last(work_dir: str) -> str | None:
    """Find the last checkpoint of a work dir, which may be a copy.

    Args:
        work_dir (str): Folder of an earlier run.

    Returns:
        str | None: The file that ``last_checkpoint`` names, taken from this
        folder if it is there (a copied ``last_checkpoint`` still names the
        original folder). None if there is no ``last_checkpoint``.
    """
    last = find_latest_checkpoint(work_dir)
    if last is None:
        return None
    own = Path(work_dir, Path(last).name)
    return str(own) if own.is_file() else last


def set_resume(cfg: Config, resume: str | None) -> None:
    """Choose the checkpoint that training starts from.

    Args:
        cfg (Config): ``resume`` and ``load_from`` are set in it. Without a
            checkpoint to resume from, its own ``load_from`` stays.
        resume (str | None): A path, ``'auto'``, or None to do what ``cfg``
            says: resume from its ``load_from``, or from the last checkpoint,
            if its ``resume`` is true, and else begin a new training.
    """
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or _AUTO
    if resume == _AUTO:
        resume = find_last(cfg.work_dir)
    cfg.resume = resume is not None
    if resume is not None:
        cfg.load_from = resume


def check_optimizer(cfg: Config) -> None:
    """Check the optimizer's name, and that its gradients keep their sign.

    mmengine's error does not name an unknown optimizer. With a negative
    ``max_norm`` torch would climb the loss, with 0 nothing would be trained.

    Args:
        cfg (Config): The config.

    Raises:
        ValueError: If no optimizer is registered under the name, or gradients
            are clipped to a norm that is not positive.
    """
    norm = (cfg.optim_wrapper.get('clip_grad') or {}).get('max_norm', 1)
    if isinstance(norm, (int, float)) and not norm > 0:
        raise ValueError(
            f'optim_wrapper.clip_grad.max_norm must be above 0, got {norm}.'
        )
    optimizer = cfg.optim_wrapper.get('optimizer')
    name = optimizer.get('type') if isinstance(optimizer, dict) else None
    if name is None or (
        isinstance(name, str) and OPTIMIZERS.get(name) is None
    ):
        raise ValueError(
            f'optim_wrapper.optimizer.type must name an optimizer of PyTorch '
            f'or a registered one, such as AdamW, got {name!r}.'
        )


def train(args: argparse.Namespace) -> None:
    """Train as the command line says.

    Args:
        args (argparse.Namespace): The command line.
    """
    cfg = load_config(args)
    check_entries(
        cfg, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper'
    )
    check_train_cfg(cfg)
    check_optimizer(cfg)
    warn_of_test_selection(cfg)
    set_resume(cfg, args.resume)
    if args.amp:
        set_amp(cfg)
    with joined_processes(cfg):
        ToolRunner.from_cfg(cfg).train()


def main() -> None:
    """Train; wrong input ends in one line."""
    args = parse_args()
    with error_line(args):
        train(args)


if __name__ == '__main__':
    main()

"""Test a checkpoint: python tools/test.py CONFIG CHECKPOINT [options]."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmavs.engine import add_launch_arguments, load_config, start_processes
from mmavs.evaluation.mask_dump import hash_config, hash_file
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(description='Test a checkpoint.')
    add_launch_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', metavar='FILE', help='write the metrics to this JSON file'
    )
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='write a picture of every clip: frames, truth, prediction, sound',
    )
    parser.add_argument(
        '--show-clips',
        type=int,
        metavar='N',
        help='with --show-dir: only the first N clips',
    )
    parser.add_argument(
        '--dump-masks',
        metavar='DIR',
        help='write the predicted masks and their index, for stage two',
    )
    parser.add_argument(
        '--soft',
        action='store_true',
        help='with --dump-masks: scores 0..255 instead of hard masks',
    )
    parser.add_argument(
        '--swap-sound',
        action='store_true',
        help='give every clip the sound of another one: how much of the '
        'result needs the right sound?',
    )
    args = parser.parse_args()
    if args.soft and args.dump_masks is None:
        parser.error('--soft says how --dump-masks writes; give it as well')
    return args


def add_outputs(cfg: Config, args: argparse.Namespace) -> None:
    """Add the hook and the metric that write pictures and masks.

    Args:
        cfg (Config): ``custom_hooks`` and ``test_evaluator`` are changed.
        args (argparse.Namespace): The command line.
    """
    # What is tested, not where: the same with any number of processes.
    config = {
        name: value
        for name, value in cfg.to_dict().items()
        if name not in ('launcher', 'work_dir', 'load_from')
    }
    if args.show_dir is not None:
        cfg.custom_hooks = [
            *(cfg.get('custom_hooks') or []),
            dict(
                type='AVSVisualizationHook',
                show_dir=args.show_dir,
                max_clips=args.show_clips,
            ),
        ]
    if args.dump_masks is not None:
        evaluators = cfg.get('test_evaluator') or []
        if not isinstance(evaluators, list):
            evaluators = [evaluators]
        dump = dict(
            type='MaskDump',
            root=args.dump_masks,
            config_hash=hash_config(config),
            checkpoint_hash=hash_file(args.checkpoint),
            soft=args.soft,
        )
        cfg.test_evaluator = [*evaluators, dump]


def write_metrics(path: str, metrics: dict[str, float]) -> None:
    """Write the metrics, once for all processes.

    Args:
        path (str): JSON file; its folder is made if absent.
        metrics (dict[str, float]): Values by name, protocol included.
    """
    if is_main_process():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(metrics, indent=2) + '\n'
        Path(path).write_text(text, encoding='utf-8')


def main() -> None:
    """Test as the command line says."""
    args = parse_args()
    cfg = load_config(args)
    cfg.load_from = None
    cfg.resume = False
    if args.swap_sound:
        cfg.test_dataloader.dataset.sound_from = 'next_clip'
    add_outputs(cfg, args)
    start_processes(cfg)
    runner = Runner.from_cfg(cfg)
    # Not by load_from: mmengine would only warn of missing weights, and test
    # with random ones in their place.
    runner.load_checkpoint(args.checkpoint, strict=True)
    metrics = runner.test()
    if args.out is not None:
        write_metrics(args.out, metrics)


if __name__ == '__main__':
    main()

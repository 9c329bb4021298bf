"""Train and test both stages with one command that can be interrupted.

    python tools/run_stepping_stones.py STAGE_ONE STAGE_TWO --work-dir DIR

trains stage one on each subset, writes its predicted masks for all clips,
trains stage two on these masks and tests it. Each step runs another tool of
this project and prints its command first. A step is skipped if its result
exists and was made from the same config, checkpoint and masks; an interrupted
training resumes, and an interrupted dump writes the missing masks.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmavs.datasets import BaseClipDataset, build_unread
from mmavs.engine import add_traceback_argument, error_line
from mmavs.engine.launcher import Launcher, lock
from mmavs.engine.steps import read_config, run_test, run_training
from stepping_stones.stages import (
    check_mask_sizes,
    check_stage_two,
    dump_masks,
)


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('stage_one', help='config of stage one')
    parser.add_argument('stage_two', help='config of stage two')
    parser.add_argument('--work-dir', type=Path, required=True, metavar='DIR')
    parser.add_argument(
        '--subsets',
        nargs='+',
        metavar='SUBSET',
        help='default: those of the data set of stage two',
    )
    parser.add_argument(
        '--stage-one-for',
        nargs='+',
        default=[],
        metavar='SUBSET=CONFIG',
        help='config of stage one for one subset, for example v1m=FILE',
    )
    parser.add_argument(
        '--soft',
        action='store_true',
        help='write scores instead of hard masks for stage two',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm'], default='none'
    )
    parser.add_argument(
        '--nproc', type=int, default=1, help='processes, with --launcher'
    )
    parser.add_argument('--partition', help='with --launcher slurm')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of both configs, as in tools/train.py',
    )
    for stage in ('one', 'two'):
        parser.add_argument(
            f'--stage-{stage}-options',
            nargs='+',
            default=[],
            metavar='KEY=VALUE',
            help=f'override settings of stage {stage} alone',
        )
    add_traceback_argument(parser)
    args = parser.parse_args()
    if args.nproc < 1:
        parser.error(f'--nproc must be at least 1, got {args.nproc}')
    if args.launcher == 'none' and args.nproc != 1:
        parser.error('--nproc needs --launcher pytorch or slurm')
    if args.launcher == 'slurm' and args.partition is None:
        parser.error('--launcher slurm needs --partition')
    args.stage_one_for = dict(
        _split_pair(parser, pair) for pair in args.stage_one_for
    )
    return args


def _split_pair(parser: argparse.ArgumentParser, pair: str) -> tuple[str, str]:
    subset, _, config = pair.partition('=')
    if not config:
        parser.error(f'--stage-one-for takes SUBSET=CONFIG, got {pair!r}')
    return subset, config


def for_all_loaders(*settings: str) -> list[str]:
    """Make overrides of the data set in training, validation and test."""
    return [
        f'{split}_dataloader.dataset.{setting}'
        for split in ('train', 'val', 'test')
        for setting in settings
    ]


def as_settings(options: Mapping[str, Any]) -> list[str]:
    """Write arguments as KEY=VALUE, as ``--cfg-options`` reads them."""
    return [
        f'{key}=[{",".join(value)}]'
        if isinstance(value, list)
        else f'{key}={value}'
        for key, value in options.items()
    ]


def choose_subsets(
    args: argparse.Namespace, dataset: BaseClipDataset
) -> list[str]:
    """Give the subsets to train stage one on.

    Args:
        args (argparse.Namespace): The command line.
        dataset (BaseClipDataset): Data set of stage two.

    Returns:
        list[str]: ``--subsets``, or those of the data set.

    Raises:
        ValueError: If ``--subsets`` or ``--stage-one-for`` names a subset
            that the data set does not have.
    """
    named = {
        '--subsets': args.subsets or [],
        '--stage-one-for': args.stage_one_for,
    }
    for option, subsets in named.items():
        unknown = sorted(set(subsets) - set(dataset.SUBSETS))
        if unknown:
            raise ValueError(
                f'{option}: {type(dataset).__name__} has the subsets '
                f'{dataset.SUBSETS}, got {unknown}'
            )
    return args.subsets or list(dataset.subsets)


def run_stages(args: argparse.Namespace, launcher: Launcher) -> dict:
    """Run all steps that are not finished.

    Args:
        args (argparse.Namespace): The command line.
        launcher (Launcher): Starts the tools.

    Returns:
        dict: Metrics of stage two.
    """
    options_one = [*args.cfg_options, *args.stage_one_options]
    options_two = [*args.cfg_options, *args.stage_two_options]
    stage_two = read_config(args.stage_two, options_two)
    check_stage_two(stage_two)
    dataset = build_unread(stage_two.test_dataloader.dataset)
    subsets = choose_subsets(args, dataset)
    configs = {s: args.stage_one_for.get(s, args.stage_one) for s in subsets}
    for config in configs.values():
        check_mask_sizes(
            read_config(config, options_one),
            stage_two,
        )
    masks = args.work_dir / 'masks'
    check = 'default_hooks.mask_prior_check'
    expected = [
        f'{check}.type=MaskPriorCheckHook',
        f'{check}.expect_mode={"soft" if args.soft else "hard"}',
    ]
    for subset, config in configs.items():
        options = [
            *options_one,
            *for_all_loaders(*as_settings(dataset.subset_options(subset))),
        ]
        one = run_training(
            *(launcher, args.work_dir, f'stage_one_{subset}'),
            *(config, options),
        )
        dump_masks(launcher, masks, config, options, one, soft=args.soft)
        expected.append(
            f'{check}.expect_checkpoint.{subset}={one.checkpoint_hash}'
        )
    options = [
        *options_two,
        *for_all_loaders(f'subsets=[{",".join(subsets)}]'),
        *expected,
    ]
    places = for_all_loaders(f'mask_prior.root={masks}')
    two = run_training(
        *(launcher, args.work_dir, 'stage_two', args.stage_two),
        *(options, places),
    )
    run = run_test(launcher, args.stage_two, [*options, *places], two)
    return run['metrics']


def run(args: argparse.Namespace) -> None:
    """Run what is left of all steps and print the result.

    Args:
        args (argparse.Namespace): The command line.
    """
    with lock(args.work_dir) as descriptor:
        launcher = Launcher(
            name=args.launcher,
            num_processes=args.nproc,
            partition=args.partition,
            lock=descriptor,
            tools=Path(__file__).resolve().parent,
        )
        metrics = run_stages(args, launcher)
    width = max(map(len, metrics))
    print(f'\nStage two on the test split, {args.stage_two}:\n')
    for name, value in metrics.items():
        print(f'{name:{width}}  {value:.4f}')


def main() -> None:
    """Run the stages; wrong input ends in one line."""
    args = parse_args()
    with error_line(args):
        run(args)


if __name__ == '__main__':
    main()

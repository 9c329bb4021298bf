"""Train and test both stages with one command that can be interrupted.

    python tools/run_stepping_stones.py STAGE_ONE STAGE_TWO --work-dir DIR

trains stage one on each subset, writes its predicted masks for all clips,
trains stage two and tests it with these masks. With --cross-fit K, stage two
also trains on predicted masks: those of K more stages one, each of which
predicts the training clips that it was not trained on.

Each step runs another tool of this project and prints its command first. A
step is skipped if its result exists and was made from the same config,
checkpoint and masks; an interrupted training resumes, and an interrupted dump
writes the missing masks.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from mmavs.datasets import BaseClipDataset, build_unread
from mmavs.engine import add_traceback_argument, error_line
from mmavs.engine.launcher import Launcher, lock
from mmavs.engine.steps import Trained, read_config, run_test, run_training
from stepping_stones.stages import (
    as_settings,
    check_classes,
    check_cross_fit,
    check_mask_sizes,
    check_stage_two,
    cross_fit,
    dump_masks,
    expect_held_out,
    for_all_loaders,
)

#: Folders of masks in the work dir; of K folds, those of training clips.
MASKS, FOLD_MASKS = 'masks', 'masks_cross_fit_{}'


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
        '--merge-classes',
        action='store_true',
        help='write where a stage one of all classes predicts any of them',
    )
    parser.add_argument(
        '--cross-fit',
        type=int,
        metavar='K',
        help='train stage two on masks that stages one predict for training '
        'clips that they were not trained on, in K folds',
    )
    parser.add_argument(
        '--initialise-from',
        metavar='SUBSET',
        help='begin stage two from the weights of this stage one where their '
        'shapes match',
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
            that the data set does not have, or ``--initialise-from`` one on
            which no stage one is trained.
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
    subsets = args.subsets or list(dataset.subsets)
    if args.initialise_from not in (None, *subsets):
        raise ValueError(
            f'--initialise-from: expected one of the subsets {subsets}, on '
            f'which stage one is trained, got {args.initialise_from!r}'
        )
    return subsets


def train_stages_one(
    args: argparse.Namespace,
    launcher: Launcher,
    configs: Mapping[str, str],
    dataset: BaseClipDataset,
) -> tuple[dict[str, Trained], list[str]]:
    """Train the stages one and write their masks.

    Args:
        args (argparse.Namespace): The command line.
        launcher (Launcher): Starts the tools.
        configs (Mapping[str, str]): Config file by subset.
        dataset (BaseClipDataset): Data set of stage two.

    Returns:
        tuple[dict[str, Trained], list[str]]: The training on all clips of
        each subset, and overrides of stage two that accept only masks of
        these trainings.
    """
    found = {}
    check = 'default_hooks.mask_prior_check'
    expected = [
        f'{check}.type=MaskPriorCheckHook',
        f'{check}.expect_mode={"soft" if args.soft else "hard"}',
    ]
    for subset, config in configs.items():
        name = f'stage_one_{subset}'
        options = [
            *args.cfg_options,
            *args.stage_one_options,
            *for_all_loaders(*as_settings(dataset.subset_options(subset))),
        ]
        one = run_training(launcher, args.work_dir, name, config, options)
        found[subset] = one
        dump_masks(
            *(launcher, args.work_dir / MASKS, config, options, one),
            soft=args.soft,
            merge_classes=args.merge_classes,
        )
        expected.append(
            f'{check}.expect_checkpoint.{subset}={one.checkpoint_hash}'
        )
        if args.cross_fit is not None:
            checkpoints = cross_fit(
                *(launcher, args.work_dir, name, config, options),
                num_folds=args.cross_fit,
                masks=args.work_dir / FOLD_MASKS.format(args.cross_fit),
                soft=args.soft,
                merge_classes=args.merge_classes,
            )
            expected.append(expect_held_out(subset, checkpoints))
    return found, expected


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
        stage_one = read_config(config, options_one)
        check_mask_sizes(stage_one, stage_two)
        check_classes(stage_one, merge_classes=args.merge_classes)
    name, sources = 'stage_two', []
    places = for_all_loaders(f'mask_prior.root={args.work_dir / MASKS}')
    if args.cross_fit is not None:
        sources = check_cross_fit(stage_two, subsets, args.cross_fit)
        fold_masks = args.work_dir / FOLD_MASKS.format(args.cross_fit)
        places += [f'train_dataloader.dataset.mask_prior.root={fold_masks}']
    stages_one, expected = train_stages_one(args, launcher, configs, dataset)
    if args.initialise_from is not None:
        name += f'_from_{args.initialise_from}'
        weights = stages_one[args.initialise_from].checkpoint
        places += [f'load_from={weights}']
    options = [
        *options_two,
        *for_all_loaders(f'subsets=[{",".join(subsets)}]'),
        *expected,
        *sources,
    ]
    two = run_training(
        *(launcher, args.work_dir, name, args.stage_two),
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

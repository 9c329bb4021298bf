"""Train and test in two stages: one command that may be killed at any time.

    python tools/run_stepping_stones.py STAGE_ONE STAGE_TWO --work-dir DIR

trains stage one on each subset, writes the masks it predicts for all clips,
trains stage two on them and tests it. Every step is a command of this project
that one may type oneself; each is printed before it runs. A step whose result
is there and comes from the same config, checkpoint and masks is skipped, and
a training or a dump of masks that was cut off goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmavs.datasets.avsbench import SUBSETS, TASK_SUBSETS
from mmavs.engine.stages import (
    Launcher,
    dump_masks,
    lock,
    read_config,
    test,
    train,
)

#: What stage one is trained for on each subset.
TASKS = {'v1s': 's4', 'v1m': 'ms3', 'v2': 'avss'}


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
        choices=SUBSETS,
        help='by default those of stage two',
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
    args = parser.parse_args()
    if args.launcher == 'none' and args.nproc != 1:
        parser.error('--nproc needs --launcher pytorch or slurm')
    if args.launcher == 'slurm' and args.partition is None:
        parser.error('--launcher slurm needs --partition')
    return args


def for_all_loaders(*settings: str) -> list[str]:
    """Apply settings of a data set in training, validation and test."""
    return [
        f'{split}_dataloader.dataset.{setting}'
        for split in ('train', 'val', 'test')
        for setting in settings
    ]


def run_stages(args: argparse.Namespace, launcher: Launcher) -> dict:
    """Run what is left of all steps.

    Args:
        args (argparse.Namespace): The command line.
        launcher (Launcher): How to start the tools.

    Returns:
        dict: Metrics of stage two.
    """
    data = read_config(args.stage_two, args.cfg_options).test_dataloader
    subsets = args.subsets or list(
        data.dataset.get('subsets') or TASK_SUBSETS[data.dataset.task]
    )
    masks = args.work_dir / 'masks'
    expected = ['default_hooks.mask_prior_check.type=MaskPriorCheckHook']
    for subset in subsets:
        options = [
            *args.cfg_options,
            *for_all_loaders(f'subsets=[{subset}]', f'task={TASKS[subset]}'),
        ]
        one = train(
            *(launcher, args.work_dir, f'stage_one_{subset}'),
            *(args.stage_one, options),
        )
        dump_masks(launcher, masks, args.stage_one, options, one)
        expected.append(
            'default_hooks.mask_prior_check.expect_checkpoint.'
            f'{subset}={one.checkpoint_hash}'
        )
    options = [
        *args.cfg_options,
        *for_all_loaders(f'subsets=[{",".join(subsets)}]'),
        *expected,
    ]
    places = for_all_loaders(f'data_prefix.mask_prior={masks}')
    two = train(
        *(launcher, args.work_dir, 'stage_two', args.stage_two),
        *(options, places),
    )
    return test(launcher, args.stage_two, [*options, *places], two)


def main() -> None:
    """Do what is left to do and print the result."""
    args = parse_args()
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


if __name__ == '__main__':
    main()

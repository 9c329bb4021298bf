"""Write a small synthetic data set in the layout of AVSBench-semantic.

Shapes of several of the 71 classes move, each class with a timbre of its
own; only those that sound in a second are labelled. Prints the best mIoU
that a guesser who sees all objects but hears nothing can reach, and keeps it
in ROOT/facts.json. A data set made before with the same options is kept.
"""

from __future__ import annotations

import argparse

from mmavs.datasets.avsbench import SPLITS, SUBSETS
from mmavs.datasets.synthetic import write_dataset, write_video
from mmavs.engine import add_traceback_argument, error_line


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--root', help='folder to write the data set to')
    for split, number in zip(SPLITS, (240, 24, 48), strict=True):
        parser.add_argument(
            f'--{split}', type=int, default=number, help='clips per subset'
        )
    parser.add_argument(
        '--subsets', nargs='+', default=['v1s', 'v1m'], choices=SUBSETS
    )
    parser.add_argument('--size', type=int, default=112, help='frame side')
    parser.add_argument(
        '--classes', type=int, default=6, help='how many classes, 3 to 14'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--video', metavar='PATH', help='also write a video with sound'
    )
    add_traceback_argument(parser)
    args = parser.parse_args()
    if not args.root and not args.video:
        parser.error('nothing to write: give --root, --video or both')
    return args


def print_bounds(facts: dict) -> None:
    """Print what can be had without sound, split by split."""
    for subset, splits in facts['sound_blind_miou'].items():
        for split, best in splits.items():
            scores = facts['sound_blind_strategies'][subset][split]
            listed = ', '.join(f'{k} {v:.3f}' for k, v in scores.items())
            print(
                f'{subset} {split}: best sound-blind mIoU {best:.3f} '
                f'({listed})'
            )


def main() -> None:
    """Write what was asked for and print the bounds."""
    args = parse_args()
    common = dict(num_classes=args.classes, seed=args.seed)
    with error_line(args):
        if args.root:
            facts = write_dataset(
                args.root,
                {split: getattr(args, split) for split in SPLITS},
                subsets=args.subsets,
                size=args.size,
                **common,
            )
            print(f'The data set is in {args.root}')
            print_bounds(facts)
        if args.video:
            write_video(args.video, **common)
            print(f'The video is {args.video}')


if __name__ == '__main__':
    main()

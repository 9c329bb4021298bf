"""Write a small synthetic data set in the layout of AVSBench-semantic.

Shapes of several of the 71 classes move, each class with a timbre of its
own; only those that sound in a second are labelled. Prints the best mIoU
that a guesser who sees all objects but hears nothing can reach.
"""

from __future__ import annotations

import argparse

from mmavs.datasets.avsbench import SPLITS, SUBSETS
from mmavs.datasets.synthetic import write_dataset, write_video


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
        '--classes', type=int, default=6, help='how many classes, 3 to 8'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--video', metavar='PATH', help='also write a video with sound'
    )
    args = parser.parse_args()
    if not args.root and not args.video:
        parser.error('nothing to write: give --root, --video or both')
    return args


def main() -> None:
    """Write what was asked for and print the bounds."""
    args = parse_args()
    common = dict(num_classes=args.classes, seed=args.seed)
    if args.root:
        bounds = write_dataset(
            args.root,
            {split: getattr(args, split) for split in SPLITS},
            subsets=args.subsets,
            size=args.size,
            **common,
        )
        print(f'Wrote {args.root}')
        for (subset, split), scores in bounds.items():
            listed = ', '.join(f'{k} {v:.3f}' for k, v in scores.items())
            print(
                f'{subset} {split}: best sound-blind mIoU '
                f'{max(scores.values()):.3f} ({listed})'
            )
    if args.video:
        write_video(args.video, **common)
        print(f'Wrote {args.video}')


if __name__ == '__main__':
    main()

"""Write a small synthetic data set in the layout of AVSBench-semantic.

Moving shapes show several of the 71 classes, each with its own timbre; only
shapes that sound in a second are labelled. The best mIoU of a prediction that
uses all objects but no audio is printed and stored in ROOT/facts.json. An
existing data set with the same options is kept; files that this tool did not
write are never replaced.
"""

from __future__ import annotations

import argparse

from mmavs.datasets.avsbench import SPLITS, SUBSETS
from mmavs.datasets.synthetic import write_dataset, write_video
from mmavs.datasets.synthetic.sampling import CORRESPONDENCES
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
        '--classes',
        type=int,
        default=6,
        help='how many classes, 3 to 14, or 3 to 64 with --fine-grained',
    )
    parser.add_argument(
        '--fine-grained',
        action='store_true',
        help='many classes that share eight timbres and hues and differ in '
        'outline and texture',
    )
    parser.add_argument(
        '--long-tail',
        type=float,
        default=0.0,
        metavar='A',
        help='of the classes with the same timbre, the n-th occurs n ** -A '
        'times as often as the first',
    )
    parser.add_argument(
        '--correspondence',
        choices=CORRESPONDENCES,
        default='none',
        help='brightness: the brightness of objects changes every second, '
        'and their loudness with it',
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
    """Print the best scores without audio, split by split."""
    for subset, splits in facts['sound_blind_miou'].items():
        for split, best in splits.items():
            scores = facts['sound_blind_strategies'][subset][split]
            listed = ', '.join(f'{k} {v:.3f}' for k, v in scores.items())
            print(
                f'{subset} {split}: best sound-blind mIoU {best:.3f} '
                f'({listed})'
            )


def main() -> None:
    """Write the data set, the video or both, and print the bounds."""
    args = parse_args()
    with error_line(args):
        if args.root:
            facts = write_dataset(
                args.root,
                {split: getattr(args, split) for split in SPLITS},
                subsets=args.subsets,
                num_classes=args.classes,
                fine_grained=args.fine_grained,
                long_tail=args.long_tail,
                correspondence=args.correspondence,
                size=args.size,
                seed=args.seed,
            )
            print(f'The data set is in {args.root}')
            print_bounds(facts)
        if args.video:
            write_video(args.video, num_classes=args.classes, seed=args.seed)
            print(f'The video is {args.video}')


if __name__ == '__main__':
    main()

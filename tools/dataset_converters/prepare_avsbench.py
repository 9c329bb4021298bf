"""Bring a download of AVSBench into the layout that mmavs reads.

Usage: ``python tools/dataset_converters/prepare_avsbench.py SRC DST``

SRC is the folder of a download or its zip archive: AVSBench-object
(``Single-source/`` for S4, ``Multi-sources/`` for MS3, or both), or
AVSBench-semantic (``metadata.csv`` and the folders of the clips, at any
depth). Zip archives inside SRC need not be unpacked. Frames and sound that
are missing are taken from the videos of the clips, one frame per second as
the authors took them.

DST gets ``metadata.csv`` and a folder for each clip. All files are checked
before any is written; SRC is never written to, and pickles are never opened.
An interrupted run continues when the same command is run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmavs.datasets.avsbench import SPLITS, SUBSETS
from mmavs.engine import add_traceback_argument, error_line
from mmavs.parallel import usable_cores
from mmavs.preparation import Preparation, prepare


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='folder of the download, or a zip file')
    parser.add_argument('dst', help='folder for the data set')
    parser.add_argument(
        '--link',
        choices=('sym', 'hard', 'copy'),
        default='sym',
        help='symbolic links (default), hard links or copies; files from '
        'archives are always copied',
    )
    parser.add_argument(
        '--subsets', nargs='+', choices=SUBSETS, help='only these subsets'
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=usable_cores(),
        help='processes that write files (default: one per core)',
    )
    parser.add_argument(
        '--force',
        action='store_true',
        help='replace other files of the same names at DST',
    )
    add_traceback_argument(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Prepare DST and print the numbers of clips."""
    args = parse_args(argv)
    with error_line(args):
        clips = prepare(
            Preparation(
                src=Path(args.src),
                dst=Path(args.dst),
                link=args.link,
                subsets=None if args.subsets is None else tuple(args.subsets),
                force=args.force,
                num_workers=args.workers,
            )
        )
    for subset in SUBSETS:
        splits = [clip.split for clip in clips if clip.subset == subset]
        if splits:
            counts = '/'.join(str(splits.count(split)) for split in SPLITS)
            print(f'{subset}: {counts} clips for {"/".join(SPLITS)}')
    print(f'The data set is in {args.dst}')


if __name__ == '__main__':
    main()

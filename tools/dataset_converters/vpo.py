"""Convert VPO from CAVP's release to the layout that mmavs reads.

Usage: ``python tools/dataset_converters/vpo.py SRC VGGSOUND DST``

SRC holds ``VPO-SS``, ``VPO-MS``, ``VPO-MSMI`` or some of them, VGGSOUND the
wav files that their tables name. DST gets the layout of DDESeg's repack:
pictures as links or copies, labels with class ids instead of COCO's category
ids, and for each picture the mixture of its sounds, 3 s at 16 kHz, mono and,
where the table has positions, stereo. The repack itself needs no conversion.
An interrupted conversion continues when the same command is run again.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from mmavs.engine import add_traceback_argument, error_line
from mmavs.parallel import usable_cores
from mmavs.preparation import convert_vpo


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='folder with VPO-SS, VPO-MS or VPO-MSMI')
    parser.add_argument('vggsound', help="folder of VGGSound's wav files")
    parser.add_argument('dst', help='folder for the data set')
    parser.add_argument(
        '--link',
        choices=('sym', 'hard', 'copy'),
        default='sym',
        help='pictures as symbolic links (default), hard links or copies',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=usable_cores(),
        help='processes that write files (default: one per core)',
    )
    add_traceback_argument(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Convert, and print the numbers of clips."""
    args = parse_args(argv)
    with error_line(args):
        pictures = convert_vpo(
            Path(args.src),
            Path(args.vggsound),
            Path(args.dst),
            link=args.link,
            num_workers=args.workers,
        )
    counts = Counter((item.subset, item.split) for item in pictures)
    for (subset, split), number in counts.items():
        print(f'{subset}, {split}: {number} clips')
    print(f'The data set is in {args.dst}')


if __name__ == '__main__':
    main()

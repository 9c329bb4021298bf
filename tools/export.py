"""Export a trained network to ONNX or torch.export.

Usage::

    python tools/export.py CONFIG CHECKPOINT --out FILE.onnx

The file maps the normalised frames and the audio input of one clip to logits.
The tool compares them with those of PyTorch and leaves no file if they differ
by more than --tolerance. Logits of AAVS, whose attention masks are thresholded
logits, may differ by more if they agree given the same attention masks, and
the mask logits of all pixels that differ are within --tolerance of the
threshold. ``tools/segment_video.py --exported`` runs the file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from mmavs.apis.export import export_network
from mmavs.apis.export.export_file import TOLERANCE, ExportFormat
from mmavs.config_file import read_config
from mmavs.engine import (
    add_traceback_argument,
    error_line,
    quiet_libraries,
)
from mmavs.output_path import check_output_file

_SUFFIXES = {'onnx': '.onnx', 'torch_export': '.pt2'}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config of the model')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument(
        '--out',
        type=Path,
        required=True,
        metavar='FILE',
        help='file to write: .onnx, or .pt2 for torch_export',
    )
    parser.add_argument(
        '--format',
        choices=get_args(ExportFormat),
        default='onnx',
        help='format of the file (default: %(default)s)',
    )
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('H', 'W'),
        help='size of the frames (default: that of the test pipeline)',
    )
    parser.add_argument(
        '--num-frames',
        type=int,
        metavar='T',
        help='frames of a clip, one per second (default: those of a clip of '
        'the test data set)',
    )
    parser.add_argument(
        '--tolerance',
        type=float,
        default=TOLERANCE,
        help='largest difference of a logit from PyTorch that is accepted '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--force', action='store_true', help='replace the file if it exists'
    )
    add_traceback_argument(parser)
    args = parser.parse_args(argv)
    if args.out.suffix != _SUFFIXES[args.format]:
        parser.error(
            f'--out: expected a name that ends in {_SUFFIXES[args.format]} '
            f'for --format {args.format}, got {args.out}'
        )
    for name in ('size', 'num_frames'):
        value = getattr(args, name)
        if value is not None and min([value] if name != 'size' else value) < 1:
            option = name.replace('_', '-')
            parser.error(f'--{option} must be positive, got {value}')
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Export, and print what the file contains."""
    args = parse_args(argv)
    quiet_libraries()
    with error_line(args):
        check_output_file(
            args.out, sources=[args.checkpoint], force=args.force
        )
        facts, agreement = export_network(
            read_config(args.config),
            args.checkpoint,
            args.out,
            kind=args.format,
            size=args.size and tuple(args.size),
            num_frames=args.num_frames,
            tolerance=args.tolerance,
        )
        shapes = ', '.join(f'{k} {v}' for k, v in facts.shapes.items())
        size = args.out.stat().st_size / 1e6
        print(f'Inputs: {shapes}')
        print(f'Logits beside those of PyTorch: {agreement}')
        print(f'Wrote {args.out} ({size:.1f} MB)')


if __name__ == '__main__':
    main(sys.argv[1:])

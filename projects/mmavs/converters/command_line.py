"""The command line that all converters share: ``SRC DST [options]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from ..engine.command_line import add_traceback_argument, error_line
from ..fingerprint import hash_file
from ..output_path import check_output_file
from .checkpoint_files import read_state_dict, write_checkpoint
from .name_table import Report

Conversion = Callable[[dict[str, Tensor]], tuple[dict[str, Tensor], Report]]


def converter_parser(description: str | None) -> argparse.ArgumentParser:
    """Create a parser with the arguments that all converters have.

    Args:
        description (str | None): Docstring of the script; its first line
            appears in the help text.

    Returns:
        argparse.ArgumentParser: Has ``src``, ``dst``, ``--force`` and
        ``--traceback``; add the options of one converter to it.
    """
    parser = argparse.ArgumentParser(
        description=(description or '').split('\n')[0]
    )
    parser.add_argument('src', type=Path, help='file with the public weights')
    parser.add_argument('dst', type=Path, help='checkpoint to write (.pth)')
    parser.add_argument(
        '--force', action='store_true', help='replace DST if it exists'
    )
    add_traceback_argument(parser)
    return parser


def run(
    args: argparse.Namespace,
    convert: Conversion,
    *,
    release: str | None = None,
) -> None:
    """Convert SRC, write DST and print the report.

    Wrong input ends the program with one line. A file that is read is never
    replaced, and an existing DST is replaced only with ``--force``.

    Args:
        args (argparse.Namespace): Result of a parser of
            :func:`converter_parser`.
        convert (Conversion): Returns the new state dict and a report for the
            tensors of SRC.
        release (str | None): Name of the release, stored in the checkpoint;
            None stores the file name of SRC.
    """
    sources = [args.src, *filter(None, [getattr(args, 'vggish', None)])]
    with error_line(args):
        check_output_file(args.dst, sources=sources, force=args.force)
        state_dict, report = convert(read_state_dict(args.src))
        digest = hash_file(args.src)
        meta = dict(
            source=release or args.src.name,
            source_sha256=digest,
            converter=f'tools/model_converters/{Path(sys.argv[0]).name}',
        )
        write_checkpoint(args.dst, state_dict, meta=meta)
    print(report)
    print(f'{args.src} (sha256 {digest[:8]}) -> {args.dst}')

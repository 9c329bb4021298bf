"""The command line that all converters share: ``SRC DST [options]``."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from .checkpoint_files import read_state_dict, write_checkpoint
from .name_table import Report

Conversion = Callable[[dict[str, Tensor]], tuple[dict[str, Tensor], Report]]


def converter_parser(description: str | None) -> argparse.ArgumentParser:
    """Make a parser with the arguments of every converter.

    Args:
        description (str | None): Docstring of the script; its first line
            appears in the help text.

    Returns:
        argparse.ArgumentParser: Knows ``src`` and ``dst``; add the options of
        one converter to it.
    """
    parser = argparse.ArgumentParser(
        description=(description or '').split('\n')[0]
    )
    parser.add_argument('src', type=Path, help='file with the public weights')
    parser.add_argument('dst', type=Path, help='checkpoint to write (.pth)')
    return parser


def run(
    parser: argparse.ArgumentParser,
    args: argparse.Namespace,
    convert: Conversion,
    *,
    release: str | None = None,
) -> None:
    """Convert SRC, write DST and print the report.

    A user's mistake ends the process with one error message.

    Args:
        parser (argparse.ArgumentParser): From :func:`converter_parser`.
        args (argparse.Namespace): Its result.
        convert (Conversion): Makes the new state dict and a report of the
            tensors of SRC.
        release (str | None): Name of the release, stored in the checkpoint;
            None stores the file name of SRC.
    """
    try:
        state_dict, report = convert(read_state_dict(args.src))
        digest = hashlib.sha256(args.src.read_bytes()).hexdigest()
        meta = dict(
            source=release or args.src.name,
            source_sha256=digest,
            converter=f'tools/model_converters/{Path(sys.argv[0]).name}',
        )
        write_checkpoint(args.dst, state_dict, meta=meta)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f'{parser.prog}: {error}')
    print(report)
    print(f'{args.src} (sha256 {digest[:8]}) -> {args.dst}')

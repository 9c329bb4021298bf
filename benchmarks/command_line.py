"""Command lines of the benchmarks that measure and write JSON."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from mmavs.engine import add_traceback_argument, error_line


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Make a parser with the options ``--json`` and ``--traceback``.

    Args:
        description (str | None): Docstring of the benchmark.

    Returns:
        argparse.ArgumentParser: The parser, to which a benchmark adds its
        own arguments.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--json', type=Path, metavar='FILE')
    add_traceback_argument(parser)
    return parser


def parse_and_run(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], None],
) -> None:
    """Run a benchmark; wrong input ends in one line.

    Args:
        parser (argparse.ArgumentParser): From :func:`make_parser`.
        run (Callable): Gets the command line, measures and prints.
    """
    args = parser.parse_args()
    with error_line(args):
        run(args)

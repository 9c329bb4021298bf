"""Command lines of the benchmarks that measure and write JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmavs.atomic_file import write_json
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


def keep_result(path: Path | None, name: str, result: dict[str, Any]) -> None:
    """Write the result of a system; a file keeps those of other systems.

    Args:
        path (Path | None): The file of ``--json``; None writes nothing.
        name (str): Of the system.
        result (dict[str, Any]): What was measured.
    """
    if path is None:
        return
    systems = {}
    if path.is_file():
        systems = json.loads(path.read_text('utf-8'))['systems']
    write_json(path, dict(systems={**systems, name: result}))

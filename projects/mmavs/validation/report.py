"""Show the result of a validation, and write it as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmavs.atomic_file import write_json

from .findings import Finding
from .run import Validation


def print_report(
    validation: Validation,
    expected_counts: Mapping[tuple[str, str], int],
    console: Console,
) -> None:
    """Print the numbers of clips, then each kind of finding.

    Args:
        validation (Validation): The result.
        expected_counts (Mapping[tuple[str, str], int]): Published numbers.
        console (Console): Where to print.
    """
    counts = Table('subset', 'split', 'clips', 'published')
    for (subset, split), number in sorted(validation.counts.items()):
        expected = expected_counts.get((subset, split), '-')
        counts.add_row(subset, split, str(number), str(expected))
    console.print(counts)
    groups: dict[str, list[Finding]] = defaultdict(list)
    for item in validation.findings:
        groups[item.kind].append(item)
    if groups:
        console.print(_findings_table(groups))
    for kind, items in groups.items():
        # One line each, so that a command can be copied.
        text = f'{kind}: first of {len(items)}: {items[0].mend}'
        console.print(escape(text), soft_wrap=True)
    warnings = len(validation.findings) - validation.num_errors
    console.print(
        f'{sum(validation.counts.values())} clips, {validation.num_files} '
        f'files: {validation.num_errors} errors, {warnings} warnings'
    )


def _findings_table(groups: Mapping[str, list[Finding]]) -> Table:
    table = Table('finding', 'severity', 'number', 'first of them')
    for kind, items in groups.items():
        first = items[0]
        text = f'{first.path}: {first.text}'
        row = (kind, first.severity, str(len(items)), escape(text))
        table.add_row(*row)
    return table


def write_report(path: str | Path, validation: Validation) -> None:
    """Write the whole result as JSON, atomically.

    Args:
        path (str | Path): The file.
        validation (Validation): The result.

    Raises:
        OSError: If the file cannot be written.
    """
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for (subset, split), number in validation.counts.items():
        counts[subset][split] = number
    content = dict(
        root=validation.root,
        counts=counts,
        num_files=validation.num_files,
        num_errors=validation.num_errors,
        num_warnings=len(validation.findings) - validation.num_errors,
        findings=[item.to_dict() for item in validation.findings],
    )
    write_json(path, content)

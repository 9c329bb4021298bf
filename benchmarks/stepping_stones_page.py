"""Tables of docs/results.md from ``benchmarks.stepping_stones --json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.compare_systems_page import SYSTEMS
from benchmarks.generated_tables import make_table
from benchmarks.stepping_stones_report import (
    LOCALISATION,
    closed_gap,
    make_differences,
)
from benchmarks.stepping_stones_rows import ORACLE
from benchmarks.stepping_stones_table import describe, describe_difference

_TITLES = (
    '',
    'seeds',
    'total steps',
    'mIoU',
    'F',
    'mIoU, oracle prior',
    'localisation',
    'share of the oracle gain',
)


def read_reports(folder: Path) -> list[dict[str, Any]]:
    """Read the reports of all systems and regimes.

    Args:
        folder (Path): With files ``stepping_stones_*.json``.

    Returns:
        list[dict[str, Any]]: By name of the file.
    """
    return [
        json.loads(path.read_text(encoding='utf-8'))
        for path in sorted(folder.glob('stepping_stones_*.json'))
    ]


def make_row_lines(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Make a table of the rows of every report.

    Args:
        reports (Sequence[Mapping[str, Any]]): From :func:`read_reports`.

    Returns:
        list[str]: Lines of Markdown.
    """
    lines: list[str] = []
    for report in reports:
        rows = {row['row']: row for row in report['rows']}
        cells = [
            _cells(report, rows, name)
            for name in rows
            if not name.endswith(ORACLE)
        ]
        lines += ['', f'{_describe(report)}:', '', *make_table(_TITLES, cells)]
    return lines[1:]


def make_difference_lines(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Make a table of the paired differences of every report.

    Args:
        reports (Sequence[Mapping[str, Any]]): From :func:`read_reports`.

    Returns:
        list[str]: Lines of Markdown.
    """
    titles = ('difference', 'protocol', 'mean +- standard error (by seed)')
    lines: list[str] = []
    for report in reports:
        cells = [
            [
                f'{found.row} - {found.reference}',
                f'`{found.metric.partition("/")[0]}`',
                describe_difference(found),
            ]
            for found in make_differences(report)
        ]
        lines += ['', f'{_describe(report)}:', '', *make_table(titles, cells)]
    return lines[1:]


def _describe(report: Mapping[str, Any]) -> str:
    """Name the system, the clips and the length of a stage."""
    steps = f'{report["steps_per_stage"]} steps of {report["batch_size"]}'
    return (
        f'{SYSTEMS[report["system"]]}, regime `{report["regime"]}`, '
        f'{report["classes"]} classes, {report["clips"]["train"]} training '
        f'and {report["clips"]["test"]} test clips, {steps} clips per stage'
    )


def _cells(
    report: Mapping[str, Any],
    rows: Mapping[str, Mapping[str, Any]],
    name: str,
) -> list[str]:
    row = rows[name]
    metrics = row['metrics']
    oracle = rows.get(f'{name}{ORACLE}', dict(metrics={}))['metrics']
    gap = closed_gap(report, name)
    scores = [
        (metrics, 'dataset/mIoU'),
        (metrics, 'dataset/F'),
        (oracle, 'dataset/mIoU'),
        (metrics, LOCALISATION),
    ]
    return [
        name,
        ', '.join(map(str, row['seeds'])),
        str(row['total_steps'] or 'unknown'),
        *(describe(of[key]) if key in of else '' for of, key in scores),
        '' if gap is None else f'{100 * gap:.0f} %',
    ]

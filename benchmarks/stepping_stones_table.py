"""The tables that ``benchmarks.stepping_stones`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.stepping_stones_report import Difference, closed_gap

#: Protocols of the semantic metric. `dataset` comes first: the clips show few
#: classes, and it leaves the absent ones out.
PROTOCOLS = ('dataset', 'stepping_stones', 'avsbench')


def print_table(report: Mapping[str, Any], protocol: str) -> None:
    """Print mean and spread of mIoU and F, in percent.

    Args:
        report (Mapping[str, Any]): From
            :func:`~benchmarks.stepping_stones_report.make_report`.
        protocol (str): Rows without this protocol are left out.
    """
    names = [f'{protocol}/{score}' for score in ('mIoU', 'F')]
    print(f'\nprotocol {protocol}')
    print(f'{"":57}{"seeds":>6}{"steps":>7}{"mIoU":>14}{"F":>14}')
    for row in report['rows']:
        if names[0] in row['metrics']:
            cells = [describe(row['metrics'][name]) for name in names]
            steps = row['total_steps']
            print(
                f'{row["row"]:57}{len(row["seeds"]):6}'
                f'{"" if steps is None else steps:>7}'
                + ''.join(f'{cell:>14}' for cell in cells)
            )


def print_differences(
    report: Mapping[str, Any], differences: Sequence[Difference]
) -> None:
    """Print the paired differences in mIoU, in percent.

    Args:
        report (Mapping[str, Any]): From
            :func:`~benchmarks.stepping_stones_report.make_report`.
        differences (Sequence[Difference]): Of its rows.
    """
    print('\ndifferences in mIoU, paired by seed; mean +- standard error')
    for difference in differences:
        print(
            f'{difference.row} - {difference.reference} '
            f'({difference.metric}): {describe_difference(difference)}'
        )
    for row in report['rows']:
        share = closed_gap(report, row['row'])
        if share is not None:
            print(f'{row["row"]}: {100 * share:.0f} % of the oracle gain')


def describe(summary: Mapping[str, Any]) -> str:
    """Write a mean and its spread in percent.

    Args:
        summary (Mapping[str, Any]): ``mean`` and ``spread``.

    Returns:
        str: Such as ``44.5 +- 7.2``.
    """
    mean = f'{100 * summary["mean"]:.1f}'
    if summary['spread'] is None:
        return mean
    return f'{mean} +- {100 * summary["spread"]:.1f}'


def describe_difference(difference: Difference) -> str:
    """Write a paired difference in percent.

    Args:
        difference (Difference): The difference.

    Returns:
        str: Such as ``+5.3 +- 2.6 (+0.3, +6.5, +9.0)``.
    """
    values = ', '.join(f'{100 * v:+.1f}' for v in difference.values.values())
    error = difference.standard_error
    if error is None:
        return values
    return f'{100 * difference.mean:+.1f} +- {100 * error:.1f} ({values})'

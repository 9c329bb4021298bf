"""The tables that ``benchmarks.stepping_stones`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmavs.evaluation.seeds import summarise_metrics

#: Protocols of the semantic metric. `dataset` comes first: the clips show few
#: classes, and it leaves the absent ones out.
PROTOCOLS = ('dataset', 'stepping_stones', 'avsbench')


def make_rows(
    results: Mapping[str, Sequence[Mapping[str, float]]],
) -> list[dict]:
    """Summarise all metrics of all rows.

    Args:
        results (Mapping): Row -> metrics of each seed.

    Returns:
        list[dict]: ``row`` and ``metrics``, from
        :func:`~mmavs.evaluation.seeds.summarise_metrics`.
    """
    return [
        dict(row=name, metrics=summarise_metrics(seeds))
        for name, seeds in results.items()
    ]


def print_table(rows: Sequence[Mapping], protocol: str) -> None:
    """Print mean and spread of mIoU and F, in percent.

    Args:
        rows (Sequence[Mapping]): From :func:`make_rows`.
        protocol (str): Rows without this protocol are left out.
    """
    names = [f'{protocol}/{score}' for score in ('mIoU', 'F')]
    print(f'\nprotocol {protocol}')
    print(f'{"":42}{"mIoU":>14}{"F":>14}')
    for row in rows:
        if names[0] in row['metrics']:
            cells = [_cell(row['metrics'][name]) for name in names]
            print(f'{row["row"]:42}' + ''.join(f'{c:>14}' for c in cells))


def _cell(summary: Mapping) -> str:
    """Write a mean and its spread in percent."""
    mean = f'{100 * summary["mean"]:.1f}'
    if summary['spread'] is None:
        return mean
    return f'{mean} +- {100 * summary["spread"]:.1f}'

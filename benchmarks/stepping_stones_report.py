"""Reports of ``benchmarks.stepping_stones``: rows and paired differences."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmavs.evaluation.seeds import summarise_metrics

from benchmarks.stepping_stones_rows import (
    ORACLE,
    SINGLE_MASKS,
    SINGLE_STAGE,
    STAGE_ONE,
    SYSTEMS,
    TWO_STAGES,
)

#: Metric of the classes, and of the localisation.
CLASSES, LOCALISATION = 'dataset/mIoU', 'split/mIoU'
DEFAULT_REGIME = 'default'
#: Entries that two reports must share to be merged. Reports of earlier
#: versions have no regime.
_SETTING = (
    'system',
    'regime',
    'clips',
    'classes',
    'data_seed',
    'steps_per_stage',
)
#: Metrics by row and seed.
Results = dict[str, dict[int, dict[str, float]]]


class Difference(NamedTuple):
    """A paired difference: a row minus its reference.

    Attributes:
        row (str): Name of the row.
        reference (str): Name of the other row.
        metric (str): What is compared.
        values (dict[int, float]): Difference by seed, of the seeds that both
            rows have.
    """

    row: str
    reference: str
    metric: str
    values: dict[int, float]

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.values.values())

    @property
    def standard_error(self) -> float | None:
        """Standard error of the mean; None for a single seed."""
        if len(self.values) < 2:
            return None
        return statistics.stdev(self.values.values()) / len(self.values) ** 0.5


def read_report(path: Path, setting: Mapping[str, Any]) -> Results:
    """Read the results of an earlier command with the same setting.

    Args:
        path (Path): File that :func:`make_report` described.
        setting (Mapping[str, Any]): The setting of this command.

    Returns:
        Results: Metrics by row and seed; nothing without a file.

    Raises:
        ValueError: If the file describes another setting.
    """
    if not path.is_file():
        return {}
    report = json.loads(path.read_text(encoding='utf-8'))
    found = {name: report.get(name, DEFAULT_REGIME) for name in _SETTING}
    expected = {name: setting[name] for name in _SETTING}
    if found != expected:
        raise ValueError(
            f'{path} holds results of another setting: expected {expected}, '
            f'got {found}; choose another file with --json, or remove it.'
        )
    return results_of(report)


def results_of(report: Mapping[str, Any]) -> Results:
    """Sort the metrics of a report by row and seed.

    Args:
        report (Mapping[str, Any]): Content of a file.

    Returns:
        Results: The metrics.
    """
    results: Results = {}
    for row in report['rows']:
        # Rows of earlier versions all have the seeds of the report.
        seeds = row['seeds'] if 'seeds' in row else report['seeds']
        results[row['row']] = {
            seed: {
                name: metric['values'][i]
                for name, metric in row['metrics'].items()
            }
            for i, seed in enumerate(seeds)
        }
    return results


def merge(old: Results, new: Results) -> Results:
    """Add new results to earlier ones; the new ones replace those.

    Args:
        old (Results): Of earlier commands.
        new (Results): Of this command.

    Returns:
        Results: Both.
    """
    names = dict.fromkeys([*old, *new])
    return {name: {**old.get(name, {}), **new.get(name, {})} for name in names}


def make_report(setting: Mapping[str, Any], results: Results) -> dict:
    """Make the content of the report's file.

    Args:
        setting (Mapping[str, Any]): What all rows share.
        results (Results): Metrics by row and seed.

    Returns:
        dict: The setting and ``rows``, each with ``row``, ``seeds``,
        ``total_steps`` and ``metrics`` from
        :func:`~mmavs.evaluation.seeds.summarise_metrics`.
    """
    steps = setting['steps_per_stage']
    table = SYSTEMS[setting['system']].rows
    totals = {
        **{name: row.total for name, row in table.items()},
        **{
            f'{name}{SINGLE_MASKS}': row.total_single_masks
            for name, row in table.items()
        },
        **{f'{name}{ORACLE}': row.total for name, row in table.items()},
    }
    rows = [
        make_row(name, results[name], total * steps)
        for name, total in totals.items()
        if name in results
    ]
    # Rows that only an earlier version had.
    rows += [
        make_row(name, results[name], None)
        for name in results
        if name not in totals
    ]
    return {**setting, 'rows': rows}


def make_row(
    name: str,
    by_seed: Mapping[int, Mapping[str, float]],
    total_steps: int | None,
) -> dict:
    """Summarise the metrics of a row that all its seeds have.

    Args:
        name (str): The row.
        by_seed (Mapping): Metrics by seed.
        total_steps (int | None): Steps of all its trainings.

    Returns:
        dict: See :func:`make_report`.
    """
    seeds = sorted(by_seed)
    common = set.intersection(*(set(by_seed[seed]) for seed in seeds))
    metrics = [
        {key: by_seed[seed][key] for key in by_seed[seeds[0]] if key in common}
        for seed in seeds
    ]
    return dict(
        row=name,
        seeds=seeds,
        total_steps=total_steps,
        metrics=summarise_metrics(metrics),
    )


def make_differences(report: Mapping[str, Any]) -> list[Difference]:
    """Pair the rows by seed.

    Rows without the oracle prior are compared with the single stage of one
    stage's steps, with the single stage of the same total steps and with the
    published two stages; rows with the oracle prior with the published two
    stages with this prior.

    Args:
        report (Mapping[str, Any]): From :func:`make_report`.

    Returns:
        list[Difference]: In the order of the rows; pairs without a common
        seed are left out.
    """
    results = results_of(report)
    totals = {row['row']: row.get('total_steps') for row in report['rows']}
    pairs = []
    for name in results:
        if name == SINGLE_STAGE:
            continue
        if name == STAGE_ONE:
            pairs.append((name, SINGLE_STAGE, LOCALISATION))
            continue
        references = [SINGLE_STAGE, *_equal_total(name, totals)]
        if not name.startswith(SINGLE_STAGE):
            references.append(TWO_STAGES)
        if name.endswith(ORACLE):
            references = [f'{TWO_STAGES}{ORACLE}']
        pairs += [(name, other, CLASSES) for other in references]
    differences = [
        Difference(name, other, metric, _differ(results, name, other, metric))
        for name, other, metric in pairs
        if other in results and other != name
    ]
    return [difference for difference in differences if difference.values]


def closed_gap(report: Mapping[str, Any], name: str) -> float | None:
    """Compute the share of the oracle's gain that a stage two reaches.

    Args:
        report (Mapping[str, Any]): From :func:`make_report`.
        name (str): A row.

    Returns:
        float | None: Its gain over the published two stages, divided by that
        of the oracle prior, both averaged over the seeds of all three; None
        if there is no such seed, for single stages, which no prior bounds,
        and for the two rows that define 0 and 1.
    """
    results = results_of(report)
    is_stage_two = f'{name}{ORACLE}' in results or name.endswith(SINGLE_MASKS)
    if TWO_STAGES not in results or name == TWO_STAGES or not is_stage_two:
        return None
    own = _differ(results, name, TWO_STAGES, CLASSES)
    oracle = _differ(results, f'{TWO_STAGES}{ORACLE}', TWO_STAGES, CLASSES)
    seeds = own.keys() & oracle.keys()
    gap = sum(oracle[seed] for seed in seeds)
    return sum(own[seed] for seed in seeds) / gap if gap else None


def _equal_total(name: str, totals: Mapping[str, int | None]) -> list[str]:
    """Return the longer single stage with the total steps of a row."""
    return [
        other
        for other, total in totals.items()
        if other.startswith(f'{SINGLE_STAGE}, ')
        and total == totals[name]
        and other != name
    ]


def _differ(
    results: Results, name: str, other: str, metric: str
) -> dict[int, float]:
    first, second = results.get(name, {}), results.get(other, {})
    return {
        seed: first[seed][metric] - second[seed][metric]
        for seed in sorted(first.keys() & second.keys())
        if metric in first[seed] and metric in second[seed]
    }

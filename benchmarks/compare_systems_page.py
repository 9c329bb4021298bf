"""Tables of docs/results.md from the reports of ``compare_systems --json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmavs.evaluation.seeds import summarise

from benchmarks.generated_tables import make_table

TASKS = ('s4', 'ms3', 'avss')
SYSTEMS = {
    'aavs': 'AAVS',
    'avsegformer': 'AVSegFormer',
    'tpavi': 'TPAVI',
    'ease': 'EASE',
}
#: Columns of scores: key of the metrics in a run, and metric.
_SCORES = (
    ('metrics', 'mIoU'),
    ('metrics', 'F'),
    ('metrics_exchanged', 'mIoU'),
)
#: Task whose costs are shown; they hardly depend on it.
_COST_TASK = 'ms3'


def read_reports(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the reports of all tasks.

    Args:
        folder (Path): With ``compare_systems_*.json``, each of one or more
            tasks.

    Returns:
        dict[str, dict[str, Any]]: Report by task, in the order of ``TASKS``.

    Raises:
        ValueError: If two files have the same task.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob('compare_systems_*.json')):
        report = json.loads(path.read_text(encoding='utf-8'))
        for task in report['tasks']:
            if task in found:
                raise ValueError(
                    f'{path}: expected each task in one report, got {task!r} '
                    'twice; remove the older report.'
                )
            found[task] = report
    return {task: found[task] for task in TASKS if task in found}


def make_score_lines(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Make the table of scores and the line that describes it.

    Args:
        reports (Mapping): From :func:`read_reports`.

    Returns:
        list[str]: Lines of Markdown.
    """
    rows: list[list[str]] = []
    for task, report in reports.items():
        facts = report['tasks'][task]
        protocol = facts['protocol']
        first = f'{task.upper()}, `{protocol}`'
        for system, row in facts['systems'].items():
            cells = [
                _mean_and_spread(row['runs'], test, f'{protocol}/{metric}')
                for test, metric in _SCORES
            ]
            rows.append([first, SYSTEMS[system], *cells])
            first = ''
        if facts['sound_blind_miou'] is not None:
            bound = f'{facts["sound_blind_miou"]:.3f}'
            rows.append(['', 'best sound-blind guesser', bound, '', ''])
    titles = ['clips, protocol', '', 'mIoU', 'F', 'mIoU, exchanged sound']
    return make_table(titles, rows)


def make_cost_lines(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Make the table of costs.

    Args:
        reports (Mapping): From :func:`read_reports`.

    Returns:
        list[str]: Lines of Markdown; none without the task ``ms3``.
    """
    if _COST_TASK not in reports:
        return []
    systems = reports[_COST_TASK]['tasks'][_COST_TASK]['systems']
    rows = []
    for system, row in systems.items():
        memory = row['peak_memory_bytes']
        rows.append(
            [
                SYSTEMS[system],
                f'{row["parameters"] / 1e6:.2f} M',
                f'{row["gflops_per_frame"]:.3f}',
                f'{row["frames_per_second"]:.0f}',
                'unknown' if memory is None else f'{memory / 2**20:.1f} MiB',
            ]
        )
    titles = ['', 'parameters', 'GFLOPs per frame', 'frames per second']
    return make_table([*titles, 'memory per clip'], rows)


def make_setting_lines(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Describe steps, seeds and versions of the reports.

    Args:
        reports (Mapping): From :func:`read_reports`.

    Returns:
        list[str]: A list in Markdown.
    """
    lines = []
    for task, report in reports.items():
        facts = report['tasks'][task]
        runs = [row['runs'] for row in facts['systems'].values()]
        seeds = sorted({run['seed'] for part in runs for run in part})
        lines.append(
            f'- {task.upper()}: {facts["num_steps"]} steps, '
            f'{_name_seeds(seeds)}, torch {report["torch"]}, '
            f'{report["device"]}.'
        )
    return lines


def _name_seeds(seeds: Sequence[int]) -> str:
    word = 'seed' if len(seeds) == 1 else 'seeds'
    return f'{word} {", ".join(map(str, seeds))}'


def _mean_and_spread(
    runs: Sequence[Mapping[str, Any]], test: str, name: str
) -> str:
    """Write mean and standard deviation; nothing for a test that was not run.

    Args:
        runs (Sequence[Mapping[str, Any]]): One per seed.
        test (str): Key of the metrics in a run.
        name (str): Metric.

    Returns:
        str: The cell.
    """
    if any(run[test] is None for run in runs):
        return ''
    summary = summarise([run[test][name] for run in runs])
    mean = f'{summary["mean"]:.3f}'
    if summary['spread'] is None:
        return mean
    return f'{mean} +- {summary["spread"]:.3f}'

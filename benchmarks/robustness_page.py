"""Tables of docs/results.md from the files of ``tools/robustness.py``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmavs.datasets.sound_conditions import ORIGINAL, SOUNDS
from mmavs.evaluation.robustness import NEGATIVES
from mmavs.evaluation.seeds import summarise

from benchmarks.compare_systems_page import SYSTEMS
from benchmarks.generated_tables import make_table

#: Protocol of the tables.
_PROTOCOL = 'stepping_stones'
#: Part of a file name -> how the model was trained.
_TRAININGS = {
    None: '',
    'negative-sound': ', `NegativeSound`',
}
_NAME = re.compile(r'([a-z]+)(?:_([a-z-]+))?_seed-(\d+)')
_NEGATIVE = 'negative-sound'


class Model(NamedTuple):
    """A system and how it was trained."""

    system: str
    training: str | None

    @property
    def label(self) -> str:
        """Name in the tables."""
        return SYSTEMS[self.system] + _TRAININGS[self.training]


#: By model and seed, the content of a file.
Runs = Mapping[Model, Mapping[int, Mapping[str, Any]]]


def read_runs(folder: Path) -> Runs:
    """Read all files of a folder.

    Args:
        folder (Path): With files ``SYSTEM[_TRAINING]_seed-N.json``.

    Returns:
        Runs: In the order of the systems and trainings.

    Raises:
        ValueError: If a file has another name.
    """
    found: dict[Model, dict[int, Mapping[str, Any]]] = {}
    for path in folder.glob('*.json'):
        name = _NAME.fullmatch(path.stem)
        if not name or name[1] not in SYSTEMS or name[2] not in _TRAININGS:
            raise ValueError(
                f'{path}: expected a file SYSTEM[_TRAINING]_seed-N.json with '
                f'a system of {list(SYSTEMS)} and a training of '
                f'{[t for t in _TRAININGS if t]}; rename it.'
            )
        runs = found.setdefault(Model(name[1], name[2]), {})
        runs[int(name[3])] = json.loads(path.read_text(encoding='utf-8'))
    order = (list(SYSTEMS), list(_TRAININGS))
    return {
        model: dict(sorted(found[model].items()))
        for model in sorted(
            found,
            key=lambda m: (order[0].index(m[0]), order[1].index(m[1])),
        )
    }


def make_consistency_lines(runs: Runs) -> list[str]:
    """Make the table of the consistency with the original masks.

    Args:
        runs (Runs): From :func:`read_runs`.

    Returns:
        list[str]: Lines of Markdown.
    """
    columns = [(sound, 'CONS') for sound in SOUNDS]
    return _make_lines(
        ['', 'seeds', 'mIoU', *(f'CONS {sound}' for sound in SOUNDS)],
        [(ORIGINAL, f'{_PROTOCOL}/mIoU'), *columns],
        runs,
    )


def make_area_lines(runs: Runs) -> list[str]:
    """Make the table of false positives and of the G figures.

    Args:
        runs (Runs): From :func:`read_runs`.

    Returns:
        list[str]: Lines of Markdown.
    """
    sounds = (ORIGINAL, *NEGATIVES)
    last = [f'{_PROTOCOL}/G-mIoU', f'{_PROTOCOL}/G-F', 'G-FPR']
    titles = [*(f'FPR {sound}' for sound in sounds), 'G-mIoU', 'G-F', 'G-FPR']
    columns = [
        *((sound, 'FPR') for sound in sounds),
        *((None, name) for name in last),
    ]
    return _make_lines(['', 'seeds', *titles], columns, runs)


def make_difference_lines(runs: Runs) -> list[str]:
    """Make the table of differences that ``NegativeSound`` makes.

    Args:
        runs (Runs): From :func:`read_runs`.

    Returns:
        list[str]: Lines of Markdown: by system and seed, with minus without.
    """
    columns = [
        (ORIGINAL, f'{_PROTOCOL}/mIoU'),
        *((sound, 'FPR') for sound in NEGATIVES),
    ]
    rows = []
    for model, with_negatives in runs.items():
        if model.training != _NEGATIVE:
            continue
        without = runs.get(Model(model.system, None), {})
        seeds = [seed for seed in with_negatives if seed in without]
        changes = [
            [
                _figure(with_negatives[seed], *column)
                - _figure(without[seed], *column)
                for seed in seeds
            ]
            for column in columns
        ]
        label = SYSTEMS[model.system]
        for index, seed in enumerate(seeds):
            cells = [f'{values[index]:+.4f}' for values in changes]
            rows.append([label, str(seed), *cells])
            label = ''
        if len(seeds) > 1:
            cells = [_describe(values, '+.4f') for values in changes]
            rows.append(['', 'mean', *cells])
    titles = [f'FPR {sound}' for sound in NEGATIVES]
    return make_table(['', 'seed', 'mIoU', *titles], rows)


def _make_lines(
    titles: Sequence[str],
    columns: Sequence[tuple[str | None, str]],
    runs: Runs,
) -> list[str]:
    """Make a table with a row per model: mean and deviation over the seeds."""
    rows = [
        [
            model.label,
            ', '.join(map(str, by_seed)),
            *(
                _describe([_figure(run, *c) for run in by_seed.values()])
                for c in columns
            ),
        ]
        for model, by_seed in runs.items()
    ]
    return make_table(titles, rows)


def _figure(run: Mapping[str, Any], condition: str | None, name: str) -> float:
    """Read a figure of a condition, or of the summary."""
    if condition is None:
        return run['summary'][name]
    return run['conditions'][condition][name]


def _describe(values: Sequence[float], form: str = '.3f') -> str:
    summary = summarise(values)
    mean = format(summary['mean'], form)
    if summary['spread'] is None:
        return mean
    return f'{mean} +- {format(summary["spread"], form.lstrip("+"))}'

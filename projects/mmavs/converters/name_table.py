"""Rename, join and drop the tensors of a checkpoint by a table of names.

A table is a mapping ``{source: target}``::

    TABLE = {
        # {a,b} and {1..4}: exactly these; the file must contain all of them.
        'features.{0,3,6}.{weight,bias}': 'features.{}.{}',
        # {}: any index. The n-th field of the target is filled from the n-th
        # field of the source; a list of the same length renames the choices.
        'layers.{}.norm{1..4}.{weight,bias}': 'stages.{}.norms.{0..3}.{}',
        # A tuple of sources is joined by torch.cat along dimension 0.
        ('l.{}.q.{weight,bias}', 'l.{}.k.{weight,bias}',
         'l.{}.v.{weight,bias}'): 'l.{}.in_proj_{}',
        # Into applies a function to the (joined) tensor.
        'downsample.{}.weight': Into('down.{}.weight', reorder),
        # None drops the key. The file need not contain it.
        'criterion.empty_weight': None,
    }

Usage::

    source = read_state_dict(src)
    state_dict, report = convert(source, TABLE, expected=model.state_dict())
    print(report)
    write_checkpoint(dst, state_dict, meta=dict(source='name of the release'))

``convert`` raises a ``ValueError`` that counts the keys that the table does
not list, the rows that match no key and, with ``expected``, the names and
shapes that differ from those of the target model.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from .identify import describe_checkpoint

_FIELD = re.compile(r'\{([^{}]*)\}')
_NUM_EXAMPLES = 3  # of each kind of problem


class Into(NamedTuple):
    """A target template and a function that is applied to the tensor."""

    template: str
    transform: Callable[[Tensor], Tensor]


Source = str | tuple[str, ...]
Table = Mapping[Source, str | Into | None]


@dataclass
class Report:
    """Result of a conversion; ``str(report)`` is meant to be printed.

    Attributes:
        moved (dict[str, tuple[str, ...]]): Target name -> source names.
        dropped (list[str]): Source names that the table drops.
        problems (list[str]): One text ``kind: name`` per key that does not
            match; empty when the conversion is complete.
        notes (list[str]): Additional lines to print, such as why a key is
            dropped.
    """

    moved: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        num_sources = sum(len(names) for names in self.moved.values())
        renamed = sum(names != (name,) for name, names in self.moved.items())
        lines = [
            f'{num_sources} tensors became {len(self.moved)} '
            f'({renamed} renamed or joined), {len(self.dropped)} dropped, '
            f'{len(self.problems)} problems'
        ]
        lines += [f'  dropped: {name}' for name in self.dropped]
        lines += [f'  {text}' for text in self.problem_counts()]
        lines += [f'  {text}' for text in self.notes]
        return '\n'.join(lines)

    def problem_counts(self) -> list[str]:
        """Count the problems of each kind and give three examples.

        Returns:
            list[str]: Such as ``'4 unknown in the source: a, b, c, ...'``.
        """
        kinds: dict[str, list[str]] = {}
        for problem in self.problems:
            kind, _, what = problem.partition(': ')
            kinds.setdefault(kind, []).append(what)
        return [
            f'{len(found)} {kind}: {", ".join(found[:_NUM_EXAMPLES])}'
            + ', ...' * (len(found) > _NUM_EXAMPLES)
            for kind, found in kinds.items()
        ]


class _Row(NamedTuple):
    """A row whose lists are expanded; only ``{}`` (any index) remains."""

    sources: tuple[str, ...]
    target: str | None
    transform: Callable[[Tensor], Tensor] | None


def convert(
    state_dict: Mapping[str, Tensor],
    table: Table,
    *,
    strict: bool = True,
    expected: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Report]:
    """Rename, join and drop the tensors of a checkpoint by a table.

    Args:
        state_dict (Mapping[str, Tensor]): The source, flat.
        table (Table): See the module's docstring.
        strict (bool): Raise an error if there is any problem. False only
            collects the problems in the report.
        expected (Mapping[str, Tensor] | None): ``state_dict()`` of the model
            that will load the result, on any device including 'meta'. Names
            and shapes must agree exactly.

    Returns:
        tuple[dict[str, Tensor], Report]: The new state dict and the report.

    Raises:
        ValueError: If the table does not list a source key, a row matches no
            key, two rows match one key or have one target, ``expected``
            differs, or the table itself is malformed.
    """
    converted: dict[str, Tensor] = {}
    report = Report()
    used: set[str] = set()
    for row in _rows(table):
        for names, target in _matches(row, state_dict, report):
            twice = used.intersection(names)
            if twice or target in converted:
                raise ValueError(
                    f'The table is ambiguous: row {row.sources} -> '
                    f'{row.target} takes {sorted(twice) or target} again.'
                )
            used.update(names)
            if target is None:
                report.dropped.extend(names)
                continue
            parts = [state_dict[name] for name in names]
            tensor = parts[0] if len(parts) == 1 else torch.cat(parts)
            if row.transform is not None:
                tensor = row.transform(tensor)
            converted[target] = tensor
            report.moved[target] = names
    report.problems += [
        f'unknown in the source: {name}'
        for name in state_dict
        if name not in used
    ]
    if expected is not None:
        report.problems += _disagreements(converted, expected)
    if strict and report.problems:
        counts = '; '.join(report.problem_counts())
        model = describe_checkpoint(state_dict)
        raise ValueError(
            'expected the names and shapes of the release that this '
            f'converter is for, got {len(report.problems)} problems: '
            f'{counts}. The file looks like {model}; check the file and the '
            'options.'
        )
    return converted, report


def _rows(table: Table) -> Iterator[_Row]:
    """Expand the lists of a table: one row per combination of choices."""
    for source, value in table.items():
        sources = (source,) if isinstance(source, str) else source
        template = value.template if isinstance(value, Into) else value
        transform = value.transform if isinstance(value, Into) else None
        choices = [_choices(text) for text in _FIELD.findall(sources[0])]
        numbers = [range(len(choice)) for choice in choices]
        for picks in itertools.product(*numbers):
            yield _Row(
                tuple(_pick(text, choices, picks) for text in sources),
                None if template is None else _pick(template, choices, picks),
                transform,
            )


def _choices(text: str) -> tuple[str, ...]:
    """Parse the inside of a field: '' (any), '0,3,6' or '1..4'."""
    first, dots, last = text.partition('..')
    if dots:
        return tuple(str(i) for i in range(int(first), int(last) + 1))
    return tuple(text.split(',')) if text else ('{}',)


def _pick(
    template: str, choices: list[tuple[str, ...]], picks: tuple[int, ...]
) -> str:
    """Fill each field of a template with one of its choices."""
    texts = _FIELD.findall(template)
    own = [
        _choices(text) if text else choice
        for text, choice in zip(texts, choices, strict=False)
    ]
    fits = [len(c) for c in own] == [len(c) for c in choices]
    if not fits or len(texts) != len(choices):
        raise ValueError(
            f'{template!r} must have as many fields, each with as many '
            f'choices, as the first source of its row: {choices}.'
        )
    filling = iter(
        choice[number] for choice, number in zip(own, picks, strict=True)
    )
    return _FIELD.sub(lambda _: next(filling), template)


def _matches(
    row: _Row, state_dict: Mapping[str, Tensor], report: Report
) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Yield source and target names of a row; report missing keys."""
    found = _indices(row.sources[0], state_dict)
    if not found and row.target is not None:
        report.problems.append(f'missing in the source: {row.sources[0]}')
    for indices in found:
        names = tuple(_fill(text, indices) for text in row.sources)
        absent = [name for name in names if name not in state_dict]
        report.problems += [f'missing in the source: {n}' for n in absent]
        if not absent:
            target = row.target
            yield names, target and _fill(target, indices)


def _indices(
    source: str, state_dict: Mapping[str, Tensor]
) -> list[tuple[str, ...]]:
    """Return the numbers in each name that a source matches."""
    if '{}' not in source:  # no regular expression, which takes time
        return [()] if source in state_dict else []
    literals = [re.escape(part) for part in source.split('{}')]
    pattern = re.compile(r'(\d+)'.join(literals))
    return [m.groups() for m in map(pattern.fullmatch, state_dict) if m]


def _fill(template: str, indices: tuple[str, ...]) -> str:
    filling = iter(indices)
    return _FIELD.sub(lambda _: next(filling), template)


def _disagreements(
    converted: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> Iterator[str]:
    """Yield each difference from the names and shapes of the model."""
    for name in expected:
        if name not in converted:
            yield f'missing for the model: {name}'
    for name, tensor in converted.items():
        if name not in expected:
            yield f'unknown to the model: {name}'
        elif tensor.shape != expected[name].shape:
            yield (
                f'wrong shape: {name} is {tuple(tensor.shape)}, the model '
                f'expects {tuple(expected[name].shape)}'
            )

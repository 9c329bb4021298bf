"""Convert a checkpoint by a table of names, and leave no key unaccounted for.

A table is a mapping ``{source: target}``::

    TABLE = {
        # {a,b} and {1..4}: exactly these; each of them must be in the file.
        'features.{0,3,6}.{weight,bias}': 'features.{}.{}',
        # {}: any index. The n-th field of the target takes the n-th field of
        # the source; a list of the same length in the target renames it.
        'layers.{}.norm{1..4}.{weight,bias}': 'stages.{}.norms.{0..3}.{}',
        # Several sources are joined by torch.cat along dimension 0.
        ('l.{}.q.{weight,bias}', 'l.{}.k.{weight,bias}',
         'l.{}.v.{weight,bias}'): 'l.{}.in_proj_{}',
        # Into adds a function from tensor to tensor, after any joining.
        'downsample.{}.weight': Into('down.{}.weight', reorder),
        # None drops a key on purpose; it may also be absent from the file.
        'criterion.empty_weight': None,
    }

Use::

    source = read_state_dict(src)
    state_dict, report = convert(source, TABLE, expected=model.state_dict())
    print(report)
    write_checkpoint(dst, state_dict, meta=dict(source='name of the release'))

``convert`` raises a ``ValueError`` that lists every key the table does not
know, every row that found nothing, and, with ``expected``, every name or shape
that the target model would refuse.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmavs.atomic_file import atomic_path
from mmavs.checkpoint import load_from_local
from torch import Tensor

_FIELD = re.compile(r'\{([^{}]*)\}')
_LISTED_AT_MOST = 20


class Into(NamedTuple):
    """A target template with a function that the tensor passes through."""

    template: str
    transform: Callable[[Tensor], Tensor]


Source = str | tuple[str, ...]
Table = Mapping[Source, str | Into | None]


@dataclass
class Report:
    """What a conversion did; ``str(report)`` is meant to be printed.

    Attributes:
        moved (dict[str, tuple[str, ...]]): Target name -> source names.
        dropped (list[str]): Source names that the table drops.
        problems (list[str]): One sentence for each thing that went wrong;
            empty when the conversion is complete.
    """

    moved: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        num_sources = sum(len(names) for names in self.moved.values())
        renamed = sum(names != (name,) for name, names in self.moved.items())
        lines = [
            f'{num_sources} tensors became {len(self.moved)} '
            f'({renamed} renamed or joined), {len(self.dropped)} dropped, '
            f'{len(self.problems)} problems'
        ]
        lines += [f'  dropped: {name}' for name in self.dropped]
        lines += [f'  {text}' for text in self.problems[:_LISTED_AT_MOST]]
        if len(self.problems) > _LISTED_AT_MOST:
            more = len(self.problems) - _LISTED_AT_MOST
            lines.append(f'  ... and {more} more')
        return '\n'.join(lines)


class _Row(NamedTuple):
    """A row without lists: only ``{}`` (any index) is left in it."""

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
        strict (bool): Raise when anything is left over. False only collects
            the problems in the report.
        expected (Mapping[str, Tensor] | None): ``state_dict()`` of the model
            that shall take the result (on any device, 'meta' included): names
            and shapes must then agree exactly.

    Returns:
        tuple[dict[str, Tensor], Report]: The new state dict and the report.

    Raises:
        ValueError: If a source key is unknown to the table, a row finds
            nothing, two rows compete for one name, or ``expected`` disagrees;
            or if the table itself is malformed.
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
        raise ValueError(
            'The checkpoint does not fit the table of names: is it the '
            f'release that this converter is for?\n{report}'
        )
    return converted, report


def _rows(table: Table) -> Iterator[_Row]:
    """Write out the lists of a table, one row for each choice."""
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
    """Read the inside of a field: '' (any), '0,3,6' or '1..4'."""
    first, dots, last = text.partition('..')
    if dots:
        return tuple(str(i) for i in range(int(first), int(last) + 1))
    return tuple(text.split(',')) if text else ('{}',)


def _pick(
    template: str, choices: list[tuple[str, ...]], picks: tuple[int, ...]
) -> str:
    """Fill the fields of a template with one choice each."""
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
    """Find the keys of a row; what it lacks goes into the report."""
    literals = [re.escape(part) for part in row.sources[0].split('{}')]
    pattern = re.compile(r'(\d+)'.join(literals))
    found = [m for m in map(pattern.fullmatch, state_dict) if m]
    if not found and row.target is not None:
        report.problems.append(f'missing in the source: {row.sources[0]}')
    for match in found:
        names = tuple(_fill(text, match.groups()) for text in row.sources)
        absent = [name for name in names if name not in state_dict]
        report.problems += [f'missing in the source: {n}' for n in absent]
        if not absent:
            target = row.target
            yield names, target and _fill(target, match.groups())


def _fill(template: str, indices: tuple[str, ...]) -> str:
    filling = iter(indices)
    return _FIELD.sub(lambda _: next(filling), template)


def _disagreements(
    converted: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> Iterator[str]:
    """Compare names and shapes with those of the model."""
    for name in expected:
        if name not in converted:
            yield f'the model expects, but nothing became: {name}'
    for name, tensor in converted.items():
        if name not in expected:
            yield f'the model has no: {name}'
        elif tensor.shape != expected[name].shape:
            yield (
                f'{name} is {tuple(tensor.shape)}, the model expects '
                f'{tuple(expected[name].shape)}'
            )


def read_state_dict(path: str | os.PathLike) -> dict[str, Tensor]:
    """Read a flat state dict on the CPU, executing nothing from the file.

    A file with the single wrapping ``{'state_dict': ...}`` is unwrapped.

    Args:
        path (str | os.PathLike): A file of ``torch.save``.

    Returns:
        dict[str, Tensor]: Tensors by name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read safely, or holds anything but
            names and tensors; see :func:`mmavs.checkpoint.load_from_local`.
    """
    content = load_from_local(os.fspath(path), map_location='cpu')
    if isinstance(content, dict) and 'state_dict' in content:
        content = content['state_dict']
    if not isinstance(content, dict) or not all(
        isinstance(value, Tensor) for value in content.values()
    ):
        raise ValueError(f'{path} must hold a dict of tensors by name.')
    return dict(content)


def write_checkpoint(
    path: str | os.PathLike,
    state_dict: Mapping[str, Tensor],
    *,
    meta: Mapping[str, Any],
) -> None:
    """Write what mmengine's ``load_checkpoint`` reads; whole or not at all.

    Args:
        path (str | os.PathLike): The new file; its folder is made.
        state_dict (Mapping[str, Tensor]): Tensors by name.
        meta (Mapping[str, Any]): Where they come from; plain values only, so
            that the file opens with ``weights_only=True``.
    """
    # Cloned: a view would drag the whole storage of its source into the file.
    tensors = {name: tensor.clone() for name, tensor in state_dict.items()}
    with atomic_path(path) as part:
        torch.save(dict(meta=dict(meta), state_dict=tensors), part)


def convert_file(
    table: Table,
    *,
    description: str | None,
    converter: str,
    argv: list[str] | None = None,
) -> None:
    """Be the command line ``SRC DST`` of a converter with one table.

    Args:
        table (Table): Of all keys of SRC.
        description (str | None): The script's docstring.
        converter (str): The script's path in this project, for the record.
        argv (list[str] | None): Arguments; None takes the process's.
    """
    parser = argparse.ArgumentParser(
        description=(description or '').split('\n')[0]
    )
    parser.add_argument('src', help='the public weights (.pth)')
    parser.add_argument('dst', help='checkpoint to write (.pth)')
    args = parser.parse_args(argv)
    try:
        state_dict, report = convert(read_state_dict(args.src), table)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'{parser.prog}: {error}')
    digest = hashlib.sha256(Path(args.src).read_bytes()).hexdigest()
    meta = dict(
        source=Path(args.src).name, source_sha256=digest, converter=converter
    )
    write_checkpoint(args.dst, state_dict, meta=meta)
    print(report)
    print(f'{args.src} (sha256 {digest[:8]}) -> {args.dst}')

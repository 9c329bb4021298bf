"""Tables of the scores of every class: a CSV file, and text for the log."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

from rich.box import ASCII
from rich.console import Console
from rich.table import Table

from mmavs.atomic_file import atomic_path

from .semantic_functional import ClassScores

#: First columns of the table of classes.
CLASS_COLUMNS = ('class_id', 'name')


def write_per_class_csv(
    path: str, classes: Sequence[str], scores: Mapping[str, ClassScores]
) -> None:
    """Write one row per class: id, name, and each protocol's scores.

    Args:
        path (str): CSV file, replaced atomically.
        classes (Sequence[str]): K names.
        scores (Mapping[str, ClassScores]): By protocol.
    """
    columns = [
        f'{name}/{column}'
        for name in scores
        for column in ('num_frames', 'IoU', 'F')
    ]
    with (
        atomic_path(path) as temporary,
        temporary.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.writer(file)
        writer.writerow([*CLASS_COLUMNS, *columns])
        for index, class_name in enumerate(classes):
            row: list[int | str | float] = [index, class_name]
            for score in scores.values():
                row.append(int(score.num_frames[index]))
                row.append(float(score.iou[index]))
                row.append(float(score.f_score[index]))
            writer.writerow(row)


def format_per_class(
    classes: Sequence[str], scores: Mapping[str, ClassScores]
) -> str:
    """Format the scores of the classes that occur as a table, in percent.

    Args:
        classes (Sequence[str]): K names.
        scores (Mapping[str, ClassScores]): By protocol.

    Returns:
        str: The table.
    """
    # ASCII, because log files are not always UTF-8.
    table = Table(box=ASCII)
    table.add_column('class')
    for name in scores:
        for column in ('frames', 'IoU', 'F'):
            table.add_column(f'{name}\n{column}', justify='right')
    for index, class_name in enumerate(classes):
        if not any(score.num_frames[index] for score in scores.values()):
            continue
        cells = [class_name]
        for score in scores.values():
            cells.append(str(score.num_frames[index]))
            cells.append(f'{100 * score.iou[index]:.2f}')
            cells.append(f'{100 * score.f_score[index]:.2f}')
        table.add_row(*cells)
    # Fixed width: a log file has no terminal width.
    console = Console(width=30 + 60 * len(scores), color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get()

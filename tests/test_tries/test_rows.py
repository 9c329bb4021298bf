"""The tables: how many rows there are, and which tools they try."""

import importlib
from pathlib import Path

from support.tries import TOOLS, Try

HERE = Path(__file__).parent
MIN_ROWS = 150


def all_rows():
    """Rows of all tables of all files."""
    for path in sorted(HERE.glob('test_*.py')):
        module = importlib.import_module(path.stem)
        for table in vars(module).values():
            if isinstance(table, list) and table:
                yield from (row for row in table if isinstance(row, Try))


def test_there_are_many_rows_and_some_must_work():
    rows = list(all_rows())
    assert len(rows) >= MIN_ROWS
    assert sum(row.code == 0 for row in rows) >= len(rows) // 20


def test_every_line_says_more_than_error():
    for row in all_rows():
        assert len(row.line) > len('error: '), row.name


def test_every_tool_is_tried():
    """A new tool adds rows here."""
    tried = {row.words.split()[0] for row in all_rows() if row.words}
    scripts = [*TOOLS.rglob('*.sh')]
    scripts += [
        path
        for path in TOOLS.rglob('*.py')
        if "if __name__ == '__main__':" in path.read_text(encoding='utf-8')
    ]
    names = {path.relative_to(TOOLS).as_posix() for path in scripts}
    assert names - tried == set()

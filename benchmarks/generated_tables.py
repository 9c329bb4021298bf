"""Replace the generated parts of Markdown pages.

A generated part lies between two comments that name it::

    <!-- generated: NAME -->

    | ... |

    <!-- end: NAME -->
"""

from __future__ import annotations

from collections.abc import Sequence

_BEGIN, _END = '<!-- generated: {} -->', '<!-- end: {} -->'


def replace_part(text: str, name: str, lines: Sequence[str]) -> str:
    """Replace a generated part.

    Args:
        text (str): Content of a page.
        name (str): Name of the part.
        lines (Sequence[str]): New lines between the comments.

    Returns:
        str: The changed content.

    Raises:
        ValueError: If the page does not have the part exactly once.
    """
    begin, end = _BEGIN.format(name), _END.format(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(
            f'expected one part between {begin!r} and {end!r}, found '
            f'{text.count(begin)} beginnings and {text.count(end)} ends.'
        )
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return '\n'.join([f'{before}{begin}', '', *lines, '', f'{end}{after}'])


def make_table(
    titles: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[str]:
    """Make the lines of a Markdown table.

    Args:
        titles (Sequence[str]): Titles of the columns.
        rows (Sequence[Sequence[str]]): Cells.

    Returns:
        list[str]: The lines.
    """
    return [
        f'| {" | ".join(cells)} |'
        for cells in (titles, ['---'] * len(titles), *rows)
    ]

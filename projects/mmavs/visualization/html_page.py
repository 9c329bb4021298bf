"""Web pages that open from disk: sections, tables and pictures."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_STYLE = """
body { font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 1100px;
       padding: 0 1em; color: #222; }
section { border-top: 1px solid #ccc; padding: 1em 0; }
h2 { font-size: 1.2em; margin: 1.2em 0 .4em; }
section h2, h3 { font-size: 1.05em; margin: 0 0 .4em; }
img { max-width: 100%; height: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1em;
     margin: .4em 0; font-size: .9em; }
dd { margin: 0; overflow-wrap: anywhere; }
audio { width: 100%; }
table { border-collapse: collapse; font-size: .9em; margin: .6em 0; }
th, td { padding: .15em .8em .15em 0; text-align: left; }
th { border-bottom: 1px solid #888; }
td.number, th.number { text-align: right;
                       font-variant-numeric: tabular-nums; }
p { max-width: 46em; }
"""
_DPI = 110


def html_page(title: str, parts: Sequence[str]) -> str:
    """Make a page.

    Args:
        title (str): Title of the page.
        parts (Sequence[str]): HTML of its content.

    Returns:
        str: HTML without scripts and without references to other sites.
    """
    lines = [
        '<!DOCTYPE html>',
        '<html lang="en"><head><meta charset="utf-8">',
        # Otherwise a browser asks for favicon.ico and reports an error.
        '<link rel="icon" href="data:,">',
        f'<title>{html.escape(title)}</title>',
        f'<style>{_STYLE}</style></head><body>',
        f'<h1>{html.escape(title)}</h1>',
        *parts,
        '</body></html>',
    ]
    return '\n'.join(lines) + '\n'


def html_table(
    columns: Sequence[str], rows: Sequence[Sequence[str | int | float]]
) -> str:
    """Make a table; numbers are aligned right, floats get 4 decimals.

    NaN is an empty cell.

    Args:
        columns (Sequence[str]): Titles of the columns.
        rows (Sequence[Sequence[str | int | float]]): The cells.

    Returns:
        str: HTML.
    """
    is_number = [
        all(not isinstance(row[place], str) for row in rows)
        for place in range(len(columns))
    ]
    lines = ['<table>', _row('th', columns, is_number)]
    for row in rows:
        lines.append(_row('td', [_text(cell) for cell in row], is_number))
    return '\n'.join([*lines, '</table>'])


def _text(cell: str | int | float) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return '' if math.isnan(cell) else f'{cell:.4f}'


def _row(tag: str, cells: Sequence[str], is_number: Sequence[bool]) -> str:
    texts = [
        f'<{tag} class="number">{html.escape(cell)}</{tag}>'
        if number
        else f'<{tag}>{html.escape(cell)}</{tag}>'
        for cell, number in zip(cells, is_number, strict=True)
    ]
    return f'<tr>{"".join(texts)}</tr>'


def html_text(tag: str, text: str) -> str:
    """Make an element that contains only text.

    Args:
        tag (str): Such as ``'p'`` or ``'h2'``.
        text (str): Its text.

    Returns:
        str: HTML.
    """
    return f'<{tag}>{html.escape(text)}</{tag}>'


def html_figure(figure: Figure, caption: str) -> str:
    """Embed a matplotlib figure into a page, as PNG.

    Args:
        figure (Figure): The figure, not drawn yet.
        caption (str): Text for readers who do not see the picture.

    Returns:
        str: HTML of an image.
    """
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    figure.savefig(content, format='png', dpi=_DPI, facecolor='white')
    data = base64.b64encode(content.getvalue()).decode()
    text = html.escape(caption)
    return f'<img src="data:image/png;base64,{data}" alt="{text}">'

"""Parts of the page that show results."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from mmavs.video.segments import Event
from mmavs.web import Agreement, Comparison, Rendering, Segmentation

#: In place of results.
NOTHING_YET = '<p class="empty">Nothing has been segmented yet.</p>'


def status(text: str, *, is_error: bool = False) -> str:
    """Make the line that says what has happened.

    Args:
        text (str): Plain text.
        is_error (bool): Whether something went wrong.

    Returns:
        str: HTML.
    """
    if not text:
        return ''
    kind, role = ('error', 'alert') if is_error else ('done', 'status')
    return f'<p class="status {kind}" role="{role}">{escape(text)}</p>'


def players(*figures: str) -> str:
    """Put videos side by side; ``page.js`` plays them together.

    Args:
        *figures (str): From :func:`player`.

    Returns:
        str: HTML.
    """
    return f'<div class="players">{"".join(figures)}</div>'


def player(title: str, address: str, *, sound: str | None = None) -> str:
    """Make a video with its controls.

    Args:
        title (str): Plain text above it.
        address (str): Of the video.
        sound (str | None): Address of a sound that is played instead of the
            video's own.

    Returns:
        str: HTML.
    """
    audio = '' if sound is None else f'<audio src="{sound}" preload="auto">'
    end = '' if sound is None else '</audio>'
    return (
        f'<figure><figcaption>{escape(title)}</figcaption>'
        f'<video src="{address}" controls playsinline preload="auto"></video>'
        f'{audio}{end}</figure>'
    )


def result(token: str, original: Path, rendering: Rendering) -> str:
    """Show the original and the overlay side by side.

    Args:
        token (str): Of the visit.
        original (Path): The video.
        rendering (Rendering): What was drawn.

    Returns:
        str: HTML.
    """
    overlay = address(token, rendering.overlay)
    return players(
        player('Original', address(token, original)),
        player('Sounding objects', overlay),
    ) + (
        '<p class="downloads">Play one and both play. Download: '
        f'<a href="{overlay}" download>video with masks</a>, '
        f'<a href="{address(token, rendering.table)}" download>events (CSV)'
        '</a></p>'
    )


def timeline(token: str, rendering: Rendering) -> str:
    """Show the summary picture.

    Args:
        token (str): Of the visit.
        rendering (Rendering): What was drawn.

    Returns:
        str: HTML.
    """
    picture = address(token, rendering.timeline)
    return (
        f'<img class="timeline" src="{picture}" '
        'alt="Timeline: thumbnails, log-mel, and a bar for each class">'
    )


def events(found: Segmentation, rows: Sequence[Event]) -> str:
    """Show the events as a table.

    Args:
        found (Segmentation): Names and colours of the classes.
        rows (Sequence[Event]): The events.

    Returns:
        str: HTML.
    """
    if not rows:
        return '<p class="empty">No sounding object at this threshold.</p>'
    cells = []
    for event in rows:
        colour = bytes(found.palette[event.class_id]).hex()
        cells.append(
            f'<tr><td><span class="swatch" style="background:#{colour}">'
            f'</span>{escape(found.classes[event.class_id])}</td>'
            f'<td>{event.start:.2f} s</td><td>{event.end:.2f} s</td>'
            f'<td>{event.mean_area:.1%}</td><td>{event.score:.2f}</td></tr>'
        )
    return (
        '<table class="events"><thead><tr><th>Class</th><th>From</th>'
        '<th>To</th><th>Mean area</th><th>Score</th></tr></thead>'
        f'<tbody>{"".join(cells)}</tbody></table>'
    )


def comparison(token: str, other: Comparison, sound_name: str) -> str:
    """Show the masks of two sounds side by side, and how they differ.

    Args:
        token (str): Of the visit.
        other (Comparison): The masks with the other sound.
        sound_name (str): Describes the other sound.

    Returns:
        str: HTML.
    """
    return agreement(other.agreement) + players(
        player('Own sound', address(token, other.own)),
        player(
            sound_name,
            address(token, other.overlay),
            sound=address(token, other.sound),
        ),
    )


def agreement(numbers: Agreement) -> str:
    """Say how much the masks of two sounds have in common.

    Args:
        numbers (Agreement): The numbers.

    Returns:
        str: HTML.
    """
    return (
        '<p class="agreement">Agreement of the masks (mean IoU): '
        f'<strong data-iou="{numbers.iou:.4f}">{numbers.iou:.2f}</strong>. '
        f'Marked area: {numbers.area:.1%} with its own sound, '
        f'{numbers.other_area:.1%} with the other. 1.00 means that the sound '
        'made no difference: the model used only the picture.</p>'
    )


def address(token: str, file: Path) -> str:
    """Return the address of a file of a visit.

    Args:
        token (str): Of the visit.
        file (Path): One of its results.

    Returns:
        str: Path of the URL.
    """
    return f'/visit/{token}/{file.name}'

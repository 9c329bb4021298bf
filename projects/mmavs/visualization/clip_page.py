"""Sections of a web page that show clips."""

from __future__ import annotations

import html
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .contact_sheet import ClipPicture, draw_contact_sheet


@dataclass
class PageClip:
    """What a page shows of a clip.

    Attributes:
        title (str): Names the clip.
        sheet (str): Path of its contact sheet, relative to the page.
        sound (str | None): Path of its sound file, relative to the page;
            None shows no player.
        facts (Mapping[str, str]): Names and values below the title.
    """

    title: str
    sheet: str
    sound: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def write_page_clip(
    page: Path,
    name: str,
    picture: ClipPicture,
    *,
    sound: str | None,
    facts: Mapping[str, str],
) -> PageClip:
    """Write the contact sheet and the sound of a clip beside a page.

    Args:
        page (Path): Folder of the page; the files go to ``clips`` in it.
        name (str): Name of the files, without suffix.
        picture (ClipPicture): Contents of the sheet; its title names the
            clip.
        sound (str | None): Sound file to copy.
        facts (Mapping[str, str]): See :class:`PageClip`.

    Returns:
        PageClip: What the page shows.
    """
    sheet = f'clips/{name}.png'
    (page / 'clips').mkdir(exist_ok=True)
    draw_contact_sheet(picture, page / sheet)
    copy = None
    if sound is not None:
        copy = f'clips/{name}{Path(sound).suffix}'
        shutil.copyfile(sound, page / copy)
    return PageClip(picture.title, sheet, copy, facts)


def clip_section(clip: PageClip) -> str:
    """Make a section: title, facts, contact sheet and audio player.

    Args:
        clip (PageClip): The clip.

    Returns:
        str: HTML for :func:`~mmavs.visualization.html_page.html_page`.
    """
    name = html.escape(clip.title)
    facts = ''.join(
        f'<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>'
        for key, value in clip.facts.items()
    )
    lines = [
        f'<section><h2>{name}</h2><dl>{facts}</dl>',
        f'<img src="{html.escape(clip.sheet)}" alt="{name}" loading="lazy">',
    ]
    if clip.sound is not None:
        sound = html.escape(clip.sound)
        lines.append(f'<audio controls preload="none" src="{sound}"></audio>')
    return '\n'.join([*lines, '</section>'])

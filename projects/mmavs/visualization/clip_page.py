"""A web page of clips that opens from disk."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_STYLE = """
body { font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 1100px;
       padding: 0 1em; color: #222; }
section { border-top: 1px solid #ccc; padding: 1em 0; }
h2 { font-size: 1.05em; margin: 0 0 .4em; }
img { max-width: 100%; height: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1em;
     margin: .4em 0; font-size: .9em; }
dd { margin: 0; overflow-wrap: anywhere; }
audio { width: 100%; }
"""


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


def clip_page(title: str, clips: Sequence[PageClip]) -> str:
    """Make a page: title, contact sheet and audio player of each clip.

    Args:
        title (str): Title of the page.
        clips (Sequence[PageClip]): The clips.

    Returns:
        str: HTML without scripts and without references to other sites.
    """
    parts = [
        '<!DOCTYPE html>',
        '<html lang="en"><head><meta charset="utf-8">',
        '<link rel="icon" href="data:,">',
        f'<title>{html.escape(title)}</title>',
        f'<style>{_STYLE}</style></head><body>',
        f'<h1>{html.escape(title)}</h1>',
        *(_section(clip) for clip in clips),
        '</body></html>',
    ]
    return '\n'.join(parts) + '\n'


def _section(clip: PageClip) -> str:
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

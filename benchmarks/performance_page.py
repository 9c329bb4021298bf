"""Make the tables of ``docs/performance.md`` from measured figures.

The sources are the files in ``results/performance``, which the benchmarks of
the same names write (``--json``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.generated_tables import make_table, replace_part
from benchmarks.speed_page import (
    make_backends_lines,
    make_int8_lines,
    make_parts_lines,
    make_precision_lines,
    make_published_lines,
    make_video_lines,
    make_window_lines,
)

_TITLES = dict(tpavi='TPAVI, 224', avsegformer='AVSegFormer, 512')
_TITLES['aavs'] = 'AAVS, 384'


def make_page(root: Path, text: str) -> str:
    """Replace the generated parts whose figures are there.

    Args:
        root (Path): Root of the repository.
        text (str): Content of the page.

    Returns:
        str: The changed content.
    """
    for name, part, make in (
        (
            'published',
            'published codes',
            make_published_lines,
        ),
        ('backends', 'other runtimes', make_backends_lines),
        ('inference', 'parts of a clip', make_parts_lines),
        ('window_attention', 'attention in windows', make_window_lines),
        ('precision', 'agreement of reduced precision', make_precision_lines),
        ('int8', 'int8', make_int8_lines),
        ('video', 'whole videos', make_video_lines),
        ('long_video', 'a video of ten minutes', make_video_lines),
        ('dataloader', 'loading of clips', make_loading_lines),
        ('training', 'training step of AAVS', make_training_lines),
    ):
        path = root / f'results/performance/{name}.json'
        if path.is_file():
            report = json.loads(path.read_text(encoding='utf-8'))
            text = replace_part(text, part, make(report))
    return text


def make_loading_lines(report: dict[str, Any]) -> list[str]:
    """Make the table of the time to load a clip.

    Args:
        report (dict[str, Any]): What ``benchmarks.dataloader`` wrote.

    Returns:
        list[str]: Lines of Markdown.
    """
    systems = report['systems']
    names = list(next(iter(systems.values()))['loaders'])
    rows = []
    for system, result in systems.items():
        cpu = {n: r['cpu_ms_per_clip'] for n, r in result['loaders'].items()}
        cells = [f'{cpu[name]:.1f}' for name in names]
        if 'published' in cpu:
            cells.append(f'{cpu["published"] / cpu["packed"]:.1f}')
            whole = cpu['published'] / cpu['packed, normalised']
            cells.append(f'{whole:.1f}')
        rows.append([_TITLES[system], *cells])
    titles = ['system, size of frames', *(f'{name} (ms)' for name in names)]
    if 'published' in names:
        titles += ['published / packed', 'published / packed, normalised']
    return make_table(titles, rows)


def make_training_lines(report: dict[str, Any]) -> list[str]:
    """Make the table of the time and the memory of a training step.

    Args:
        report (dict[str, Any]): What ``benchmarks.training`` wrote.

    Returns:
        list[str]: Lines of Markdown.
    """
    rows = []
    for phase, codes in report['phases'].items():
        theirs = codes.get('published')
        for name, row in codes.items():
            memory = row['peak_memory_bytes']
            parts = [f'{s:.1f}' for s in row['parts'].values()]
            ratios = ['', '']
            if theirs is not None and row is not theirs:
                faster = theirs['cpu_seconds'] / row['cpu_seconds']
                share = memory / theirs['peak_memory_bytes']
                ratios = [f'{faster:.2f}', f'{share:.0%}']
            cells = [f'{row["cpu_seconds"]:.1f}', *parts]
            cells += [f'{memory / 2**20:.0f}', *ratios]
            rows.append([phase, name, *cells])
    titles = ['phase', 'code', 'CPU s per step', 'forward', 'backward']
    titles += ['optimiser', 'peak (MiB)', 'times faster', 'of the memory']
    return make_table(titles, rows)

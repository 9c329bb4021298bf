"""Tables of ``docs/performance.md`` on inference and video.

The sources are files in ``results/performance``; each function takes what the
benchmark of that name writes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from benchmarks.generated_tables import make_table

_PUBLISHED = 'published'
_TITLES = {
    'aavs_swin-b': 'AAVS Swin-B, 384',
    'avsegformer_r50': 'AVSegFormer R50, 512',
    'avsegformer_pvtv2-b5': 'AVSegFormer PVTv2-B5, 512',
    'tpavi_r50': 'TPAVI R50, 224',
    'tpavi_pvtv2-b5': 'TPAVI PVTv2-B5, 224',
}


def describe_run(machine: dict[str, Any]) -> str:
    """Describe the machine of a measurement.

    Args:
        machine (dict[str, Any]): See :mod:`benchmarks.machine`.

    Returns:
        str: A phrase.
    """
    threads = machine['threads']
    return (
        f'{machine["cpu"]}, {machine["cores"]} cores, torch '
        f'{machine["torch"]}, {threads} thread{"s"[: threads > 1]}, load '
        f'average {machine["load_average"]:.1f}'
    )


def wrap_note(text: str) -> list[str]:
    """Break a sentence into lines of the pages.

    Args:
        text (str): The sentence; a list item starts with '- '.

    Returns:
        list[str]: Lines of at most 120 characters.
    """
    indent = '  ' if text.startswith('- ') else ''
    return textwrap.wrap(text, 120, subsequent_indent=indent)


def make_published_lines(report: dict[str, Any]) -> list[str]:
    """Make the comparison with the published codes.

    Args:
        report (dict[str, Any]): What ``benchmarks.published`` wrote.

    Returns:
        list[str]: Lines of Markdown: a table, and how it was measured.
    """
    rows = []
    for name, result in report['systems'].items():
        theirs = result['codes'][_PUBLISHED]
        for code, row in result['codes'].items():
            faster = share = difference = equal = ''
            memory = row['peak_memory_bytes']
            if code != _PUBLISHED:
                ratio = theirs['cpu_seconds'] / row['cpu_seconds']
                faster = f'{ratio:.2f}'
                difference = f'{row["max_difference"]:.1e}'
                equal = f'{row["equal_pixels"]:.5f}'
                if memory:
                    share = f'{memory / theirs["peak_memory_bytes"]:.0%}'
            rows.append(
                [
                    _TITLES[name] if code == _PUBLISHED else '',
                    code,
                    f'{row["cpu_seconds"]:.2f}',
                    faster,
                    f'{memory / 2**20:.0f}' if memory else '',
                    share,
                    difference,
                    equal,
                ]
            )
    titles = ['system, size of frames', 'code', 'CPU s per clip']
    titles += ['times faster', 'peak (MiB)', 'of the memory']
    titles += ['largest difference of logits', 'equal pixels']
    notes = []
    for name, result in report['systems'].items():
        run = describe_run(result['machine'])
        clips = f'medians of {result["rounds"]} clips'
        notes += wrap_note(f'- {_TITLES[name]}: {run}, {clips}.')
    return [*make_table(titles, rows), '', *notes]


def _against_first(
    system: str, entries: dict[str, dict[str, Any]]
) -> Iterator[tuple[list[str], dict[str, Any], str]]:
    """Compare the entries of a system with its first one.

    Args:
        system (str): Its name.
        entries (dict[str, dict[str, Any]]): By name, with ``cpu_seconds``.

    Yields:
        tuple[list[str], dict[str, Any], str]: Cells with the names of the
        system and of the entry, the entry, and how many times faster it is;
        the latter is empty for the first entry.
    """
    reference, *_ = entries.values()
    for name, row in entries.items():
        if row is reference:
            yield [f'`{system}`', name], row, ''
        else:
            faster = reference['cpu_seconds'] / row['cpu_seconds']
            yield ['', name], row, f'{faster:.2f}'


def make_backends_lines(report: dict[str, Any]) -> list[str]:
    """Make the comparison of runtimes.

    Args:
        report (dict[str, Any]): What ``benchmarks.backends`` wrote.

    Returns:
        list[str]: Lines of Markdown: a table, and how it was measured.
    """
    rows, notes = [], []
    for name, result in report['systems'].items():
        for names, row, faster in _against_first(name, result['runtimes']):
            rows.append(
                [
                    *names,
                    f'{row["cpu_seconds"]:.3f}',
                    f'{row["frames_per_second"]:.2f}',
                    faster,
                    f'{row["max_difference"]:.1e}' if faster else '',
                    f'{row["equal_pixels"]:.5f}' if faster else '',
                ]
            )
        notes += wrap_note(
            f'- `{name}`: {describe_run(result["machine"])}, medians of '
            f'{result["rounds"]} clips. Check of the export: '
            f'{result["export"]}.'
        )
    titles = ['config', 'runtime', 'CPU s per clip', 'frames/s']
    titles += ['times faster', 'largest difference of logits', 'equal pixels']
    return [*make_table(titles, rows), '', *notes]


def make_parts_lines(report: dict[str, Any]) -> list[str]:
    """Make the table of the time by part and precision.

    Args:
        report (dict[str, Any]): What ``benchmarks.inference`` wrote.

    Returns:
        list[str]: Lines of Markdown.
    """
    parts = list(report['precisions']['float32']['parts'])
    rows = [
        [
            name,
            f'{row["cpu_seconds_per_clip"]:.2f}',
            *(f'{row["parts"][part]:.2f}' for part in parts),
            f'{row["iou"]:.4f}',
        ]
        for name, row in report['precisions'].items()
    ]
    titles = ['precision', 'CPU s per clip', *(f'{p} (s)' for p in parts)]
    table = make_table([*titles, 'IoU with float32'], rows)
    note = (
        f'`{report["config"]}`, {describe_run(report["machine"])}, medians '
        f'of {report["rounds"]} clips.'
    )
    return [*table, '', *wrap_note(note)]


def make_window_lines(report: dict[str, Any]) -> list[str]:
    """Make the table of the attention in windows.

    Args:
        report (dict[str, Any]): What ``benchmarks.window_attention`` wrote.

    Returns:
        list[str]: Lines of Markdown.
    """
    rows = [
        [
            f'{row["size"]} x {row["size"]}, {row["channels"]}, '
            f'{row["heads"]}',
            f'{row["cpu_ms"]["mmdet"]:.0f}',
            f'{row["cpu_ms"]["mmavs"]:.0f}',
            f'{row["cpu_ms"]["mmdet"] / row["cpu_ms"]["mmavs"]:.1f}',
        ]
        for row in report['stages']
    ]
    titles = ['map, channels, heads', 'mmdet (ms)', 'mmavs (ms)']
    note = (
        f'{describe_run(report["machine"])}, medians of {report["rounds"]} '
        'calls.'
    )
    return [*make_table([*titles, 'times faster'], rows), '', *wrap_note(note)]


def make_precision_lines(report: dict[str, Any]) -> list[str]:
    """Make the table of the agreement of reduced precision.

    Args:
        report (dict[str, Any]): What ``benchmarks.precision`` wrote.

    Returns:
        list[str]: Lines of Markdown.
    """
    names = list(report['systems'][0]['precisions'])
    rows = [
        [
            f'`{row["config"]}`',
            str(row['clips']),
            *(f'{row["precisions"][name]["iou"]:.4f}' for name in names),
        ]
        for row in report['systems']
    ]
    note = f'{describe_run(report["machine"])}.'
    return [
        *make_table(['config', 'clips', *names], rows),
        '',
        *wrap_note(note),
    ]


def make_int8_lines(report: dict[str, Any]) -> list[str]:
    """Make the comparison of int8 with float32.

    Args:
        report (dict[str, Any]): What ``benchmarks.int8`` wrote.

    Returns:
        list[str]: Lines of Markdown: a table, and how it was measured.
    """
    rows, notes = [], []
    for name, result in report['systems'].items():
        for names, row, faster in _against_first(name, result['networks']):
            rows.append(
                [
                    *names,
                    f'{row["bytes"] / 1e6:.1f}',
                    f'{1e3 * row["cpu_seconds"]:.1f}',
                    faster,
                    f'{row["iou"]:.4f}' if faster else '',
                    f'{row["miou"]:.4f}',
                ]
            )
        notes += wrap_note(
            f'- `{name}`: {describe_run(result["machine"])}, '
            f'{result["calibration_clips"]} training clips for the ranges, '
            f'{result["clips"]} test clips, medians of {result["rounds"]} '
            'calls.'
        )
    titles = ['config', 'network', 'file (MB)', 'CPU ms per clip']
    titles += ['times faster', 'IoU with float32', 'mIoU with labels']
    return [*make_table(titles, rows), '', *notes]


def make_video_lines(report: dict[str, Any]) -> list[str]:
    """Make the table of whole videos.

    Args:
        report (dict[str, Any]): What ``benchmarks.video`` wrote.

    Returns:
        list[str]: Lines of Markdown.
    """
    rows = []
    parts: list[str] = []
    for name, result in report.items():
        height, width = result['size']
        for seconds, row in result['videos'].items():
            parts = list(row['parts'])
            rows.append(
                [
                    f'`{name}`',
                    f'{seconds} s, {width} x {height}, {result["fps"]} fps',
                    *(f'{row["parts"][part]:.2f}' for part in parts),
                    f'{row["share_of_network"]:.1%}',
                    f'{row["first_call_seconds"]:.2f}',
                    f'{row["peak_memory_bytes"] / 2**20:.0f}',
                ]
            )
    titles = ['config', 'video', *(f'{part} (CPU s)' for part in parts)]
    titles += ['rest / network', 'first call (CPU s)', 'peak (MiB)']
    machine = next(iter(report.values()))['machine']
    note = f'{describe_run(machine)}.'
    for name, result in report.items():
        (first, one), *_, (last, other) = [
            (seconds, row['peak_memory_bytes'] / 2**20)
            for seconds, row in result['videos'].items()
        ] * 2
        if first != last:
            note += (
                f' `{name}`: the peak grows by {round(other - one)} MiB from '
                f'{first} s to {last} s.'
            )
    return [*make_table(titles, rows), '', *wrap_note(note)]

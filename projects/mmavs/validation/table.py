"""Read AVSBench's ``metadata.csv`` and report all of its faults."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from pathlib import Path

from mmavs.datasets.avsbench import SPLITS, SUBSETS

from .clip_files import ClipFiles, files_of_row
from .file_state import find_fault
from .findings import Finding, Mending

_COLUMNS = ('uid', 'split', 'label')
_BOM = b'\xef\xbb\xbf'


def read_table(
    root: str, mending: Mending
) -> tuple[list[ClipFiles], list[Finding]]:
    """List the clips of a data set and the faults of its table.

    Unlike the data set, which stops at the first fault, this skips faulty
    rows.

    Args:
        root (str): Root of the data set.
        mending (Mending): Makes the commands.

    Returns:
        tuple[list[ClipFiles], list[Finding]]: Clips of the rows without
        faults, and the findings.
    """
    path = str(Path(root, 'metadata.csv'))
    restore = mending.restore(path)
    fault = find_fault(path)
    if fault is not None:
        mend = mending.allow(path) if fault.kind == 'permission' else restore
        return [], [Finding(f'table-{fault.kind}', path, fault.text, mend)]
    content = Path(path).read_bytes()
    findings = _byte_findings(path, content)
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        said = f'expected UTF-8, got byte 0x{byte:02x} at {error.start}'
        return [], [*findings, Finding('table-encoding', path, said, restore)]
    reader = csv.DictReader(io.StringIO(text, newline=None))
    header = list(reader.fieldnames or [])
    missing = [name for name in _COLUMNS if name not in header]
    if missing:
        said = (
            f'expected the columns {_COLUMNS}, {missing} missing in {header}'
        )
        return [], [*findings, Finding('table-columns', path, said, restore)]
    rows = [(reader.line_num, row) for row in reader]
    clips, faults = _check_rows(root, path, rows, mending)
    return clips, findings + faults


def _byte_findings(path: str, content: bytes) -> list[Finding]:
    """Find what other readers of the table may not accept."""
    found = []
    quoted = shlex.quote(path)
    if content.startswith(_BOM):
        found.append(
            Finding(
                'table-bom',
                path,
                'starts with a byte order mark, which becomes part of the '
                'first column name in readers that expect none',
                f"sed -i '1s/^\\xef\\xbb\\xbf//' -- {quoted}",
                'warning',
            )
        )
    if b'\r\n' in content:
        found.append(
            Finding(
                'table-crlf',
                path,
                'lines end with CR LF; grep, cut and awk take the CR for a '
                'part of the last column',
                f"sed -i 's/\\r$//' -- {quoted}",
                'warning',
            )
        )
    return found


def _check_rows(
    root: str,
    path: str,
    rows: Sequence[tuple[int, dict[str, str]]],
    mending: Mending,
) -> tuple[list[ClipFiles], list[Finding]]:
    clips: dict[str, ClipFiles] = {}
    found = []
    if not rows:
        said, mend = 'it lists no clip', mending.restore(path)
        found.append(Finding('table-rows', path, said, mend))
    for line, row in rows:
        fault = _row_fault(row)
        if fault is None:
            clip = files_of_row(root, row, line)
            first = clips.setdefault(clip.name, clip)
            if first is clip:
                continue
            fault = (
                'table-duplicate',
                f'clip {clip.name} is already in line {first.row}, with '
                f'split {first.split!r}; this one has {clip.split!r}',
            )
        kind, text = fault
        mend = mending.restore(path)
        if kind == 'table-duplicate':
            mend = mending.delete_row(path, line)
        found.append(Finding(kind, path, f'line {line}: {text}', mend))
    return list(clips.values()), found


def _row_fault(row: dict[str, str]) -> tuple[str, str] | None:
    """Return kind and text of the first fault of a row."""
    values = [row[name] for name in _COLUMNS]
    if any(value is None for value in values):
        return 'table-row', f'it has too few columns: {values}'
    uid, split, subset = values
    for kind, value, choices in (
        ('table-subset', subset, SUBSETS),
        ('table-split', split, SPLITS),
    ):
        if value not in choices:
            return kind, f'expected one of {choices}, got {value!r}'
    if uid in ('', '.', '..') or '/' in uid or '\\' in uid:
        return 'table-uid', f'expected a folder name as uid, got {uid!r}'
    if uid != uid.strip():
        return 'table-uid', f'spaces around the uid {uid!r}'
    return None

"""Try wrong inputs: run a tool in this process and look at its last line.

A row of a table in ``tests/test_tries`` is a :class:`Try`: what is changed in
a folder of good inputs, which tool runs there, and what its error line says.
"""

from __future__ import annotations

import contextlib
import re
import runpy
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.visualization import Visualizer

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools'
#: Exit code of argparse, and of the shell scripts.
WRONG_USAGE = 2


class Try(NamedTuple):
    """A row: an input and what comes of it.

    Attributes:
        name (str): What is tried; the id of the test.
        words (str): Command line: a file of ``tools``, then its arguments;
            ``{root}`` stands for the root of the repository. Empty for rows
            that need no tool.
        line (str): Regular expression that the error line must match, or, if
            the try must work (``code`` is 0), the output. Every blank may be
            a line break.
        code (int): Exit code: 1 for wrong input, 2 for a wrong command line,
            0 for a try that must work.
        prepare (Callable | None): Called with the folder before the tool.
        keeps (Sequence[str]): Files of the folder that must not change.
    """

    name: str
    words: str
    line: str
    code: int = 1
    prepare: Callable[[Path], object] | None = None
    keeps: Sequence[str] = ()


class Outcome(NamedTuple):
    """What a tool left: exit code, stdout and stderr."""

    code: int
    out: str
    err: str


def rows(table: Sequence[Try]) -> pytest.MarkDecorator:
    """Parametrise a test with the rows of a table."""
    return pytest.mark.parametrize('row', table, ids=lambda row: row.name)


def check(
    row: Try, folder: Path, capsys: pytest.CaptureFixture[str]
) -> Outcome:
    """Run a row in a folder and compare what comes of it.

    Args:
        row (Try): The row.
        folder (Path): Good inputs, which ``row.prepare`` changes. It must be
            the working directory.
        capsys (pytest.CaptureFixture): Of the test.

    Returns:
        Outcome: What the tool left, for further checks.
    """
    if row.prepare is not None:
        row.prepare(folder)
    kept = {name: (folder / name).read_bytes() for name in row.keeps}
    tool, *words = row.words.format(root=ROOT).split()
    capsys.readouterr()
    run = run_script if tool.endswith('.sh') else run_tool
    outcome = run(tool, words, capsys)
    check_outcome(outcome, row.line, row.code)
    for name, content in kept.items():
        assert (folder / name).read_bytes() == content, name
    return outcome


def check_outcome(outcome: Outcome, line: str, code: int) -> None:
    """Check an exit code, and that there is one error line, as expected."""
    text = outcome.out + outcome.err
    assert 'Traceback' not in text, text
    assert outcome.code == code, text
    errors = [
        found
        for found in outcome.err.splitlines()
        if re.match(r'(\S+\.py( \w+)?: )?error: ', found)
    ]
    if code == 0:
        assert not errors
        assert re.search(line, ' '.join(text.split())), text
        return
    if code == WRONG_USAGE and not errors:
        # Shell scripts without arguments print their usage alone.
        errors = re.findall('(?m)^usage: .*$', outcome.err)
    assert len(errors) == 1, text
    # Besides argparse's usage nothing else may be on stderr.
    assert outcome.err.rstrip().endswith(errors[0]) or code == WRONG_USAGE

    assert re.search(line, errors[0]), errors[0]


def run_tool(
    tool: str, words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> Outcome:
    """Run ``tools/<tool>`` as Python runs a script, without a new process.

    Args:
        tool (str): Path below ``tools``.
        words (Sequence[str]): Its arguments.
        capsys (pytest.CaptureFixture): Of the test.

    Returns:
        Outcome: As if the tool had been a process of its own.
    """
    script = TOOLS / tool
    code = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        own_globals(),
    ):
        patch.setattr(sys, 'argv', [str(script), *words])
        patch.syspath_prepend(script.parent)
        try:
            runpy.run_path(str(script), run_name='__main__')
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except BaseException:  # noqa: BLE001  as the interpreter does
            traceback.print_exc()
            code = 1
    return Outcome(code, *capsys.readouterr())


def run_script(
    script: str, words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> Outcome:
    """Run a shell script of ``tools``."""
    done = subprocess.run(
        ['bash', str(TOOLS / script), *words], capture_output=True, text=True
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def own_globals() -> Iterator[None]:
    """Give a run its own loggers and scopes, as a new process has.

    Without, two runs in the same second would share their log file, and a
    later test would find the scope of a run.
    """
    kinds = (MMLogger, MessageHub, DefaultScope, Visualizer)
    kept = [dict(kind._instance_dict) for kind in kinds]
    for kind in kinds:
        kind._instance_dict.clear()
    try:
        init_default_scope('mmseg')
        yield
    finally:
        for logger in MMLogger._instance_dict.values():
            for handler in logger.handlers:
                handler.close()
        for kind, instances in zip(kinds, kept, strict=True):
            kind._instance_dict.clear()
            kind._instance_dict.update(instances)

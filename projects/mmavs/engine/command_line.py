"""How the tools report errors: one line, or the whole traceback."""

from __future__ import annotations

import argparse
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mmengine
from mmengine.logging import MMLogger

from mmavs.checkpoint import forbid_downloads

#: Errors for wrong input, in this project and in the libraries it uses.
_INPUT_ERRORS = (ValueError, OSError, ImportError, SyntaxError)

#: mmengine also raises these for wrong configs.
_CONFIG_ERRORS = (
    AssertionError,
    AttributeError,
    KeyError,
    RuntimeError,
    TypeError,
)

_MMENGINE = Path(mmengine.__file__).parent
_PACKAGE = Path(__file__).parents[1]

#: First line of the traceback in the message of a data loading worker.
_WORKER_TRACEBACK = 'Original Traceback (most recent call last):'


def add_traceback_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--traceback``, which :func:`error_line` reads.

    Args:
        parser (argparse.ArgumentParser): The parser to extend.
    """
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='on errors, show the whole traceback instead of one line',
    )


@contextmanager
def error_line(args: argparse.Namespace) -> Iterator[None]:
    """End the program with one line on stderr if its input is wrong.

    Only errors caused by the user's input are shortened: ``ValueError``,
    ``OSError``, ``ImportError``, ``SyntaxError`` and their subclasses, and
    errors of other types that mmengine raises or that occur while a registry
    builds an object from a config. With ``--cfg-options``, errors of other
    types that any library raises are shortened too: the library got a value
    of a wrong type. Any other exception is a defect and keeps
    its traceback. If the run has a log file, the traceback of a shortened
    error is written there. Within the block no checkpoint is downloaded.

    Args:
        args (argparse.Namespace): If ``args.traceback`` is True, errors are
            not shortened.

    Yields:
        None

    Raises:
        SystemExit: With the text ``error: ...``; Python prints it on stderr
            and exits with code 1.
    """
    try:
        with forbid_downloads():
            yield
    except Exception as error:
        options = getattr(args, 'cfg_options', None) or ()
        is_input_error = _is_input_error(error)
        is_of_option = bool(options) and _is_raised_by_a_library(error)
        if args.traceback or not (is_input_error or is_of_option):
            raise
        log_files = _write_to_log_files(error)
        line = f'error: {describe(error)}'
        if not is_input_error:
            line += f'; check the values of --cfg-options {", ".join(options)}'
        if log_files:
            line += f' (traceback: {", ".join(log_files)})'
        raise SystemExit(line) from None


def describe(error: BaseException) -> str:
    """Return the message of an error as one line.

    Args:
        error (BaseException): The error. If a data loading worker raised it,
            the worker's traceback is removed.

    Returns:
        str: The message; the name of the class if there is none.
    """
    # str() of a KeyError is the repr of its message
    has_text = isinstance(error, KeyError) and error.args
    text = str(error.args[0] if has_text else error)
    if has_text and text.isidentifier():
        text = f'{text!r} is missing in the config, or is no known name there'
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if _WORKER_TRACEBACK in lines:
        lines = _after_traceback(text.splitlines())
    if isinstance(error, SyntaxError) and error.filename is not None:
        lines = [f'{error.filename}, line {error.lineno}: {error.msg}']
    return ' '.join(lines) or type(error).__name__


def _after_traceback(lines: list[str]) -> list[str]:
    """Find the message that follows the last indented line."""
    indented = [i for i, line in enumerate(lines) if line.startswith('  ')]
    message = [line.strip() for line in lines[indented[-1] + 1 :]]
    name, _, text = message[0].partition(': ')
    return [text or name, *message[1:]]


def _is_input_error(error: Exception) -> bool:
    if isinstance(error, _INPUT_ERRORS):
        return True
    if not isinstance(error, _CONFIG_ERRORS):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    files = [Path(frame.filename) for frame in frames]
    # A registry builds objects from the config; wrong arguments may cause an
    # error only in the base class of the object, outside of mmengine.
    return files[-1].is_relative_to(_MMENGINE) or any(
        file.is_relative_to(_MMENGINE / 'registry') for file in files
    )


def _is_raised_by_a_library(error: Exception) -> bool:
    """Whether an error that a wrong value can cause is not from our code."""
    file = traceback.extract_tb(error.__traceback__)[-1].filename
    own = (_PACKAGE, _PACKAGE.parents[1] / 'tools')
    return isinstance(error, _CONFIG_ERRORS) and not any(
        Path(file).is_relative_to(folder) for folder in own
    )


def _write_to_log_files(error: Exception) -> list[str]:
    """Write the traceback to the files of mmengine's current logger."""
    text = ''.join(traceback.format_exception(error))
    files = []
    for handler in MMLogger.get_current_instance().handlers:
        if isinstance(handler, logging.FileHandler):
            record = logging.makeLogRecord(dict(msg=text, levelname='ERROR'))
            handler.emit(record)
            files.append(handler.baseFilename)
    return files

"""How the tools report errors: one line, or the whole traceback."""

from __future__ import annotations

import argparse
import logging
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mmengine
from mmengine.logging import MMLogger
from mmengine.registry import build_from_cfg

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
#: Its parts that hand values of the config to other libraries.
_USERS_OF_CONFIG = tuple(_MMENGINE / n for n in ('runner', 'optim', 'hooks'))
#: Where mmengine and the libraries that it calls are installed.
_LIBRARIES = _MMENGINE.parent
_PACKAGE = Path(__file__).parents[1]
_ROOT = _PACKAGE.parents[1]
_OWN = (_PACKAGE, *(_ROOT / n for n in ('tools', 'benchmarks', 'ops')))

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
    ``OSError``, ``ImportError``, ``SyntaxError`` and their subclasses, and,
    apart from failed assertions of this project,
    errors of other types that mmengine raises, that occur while a registry
    builds an object from a config, or that a library raises when mmengine's
    runner, hooks or optimiser give it a value of a wrong type. With
    ``--cfg-options``, errors of other types that any library raises are
    shortened too. Any other exception is a defect and keeps its traceback. If
    the run has a log file, the traceback of a shortened error is written
    there. Within the block no checkpoint is downloaded.

    Args:
        args (argparse.Namespace): If ``args.traceback`` is True, errors are
            not shortened. ``args.config`` and ``args.cfg_options``, if they
            are there, are named where an error does not say what to correct.

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
        if is_of_option or _needs_a_hint(error):
            line = f'error: {_describe_with_class(error)}'
            line += _name_values(getattr(args, 'config', None), options)
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
    if isinstance(error, AssertionError) and _is_own(_files(error)[-1]):
        return False
    return isinstance(error, _CONFIG_ERRORS) and (
        _is_of_config(error) or _is_of_a_library_call(error)
    )


def _is_of_config(error: Exception) -> bool:
    """Whether mmengine raised it, or a registry was building an object."""
    files = _files(error)
    # A registry builds objects from the config; wrong arguments may cause an
    # error only in the base class of the object, outside of mmengine.
    return files[-1].is_relative_to(_MMENGINE) or any(
        file.is_relative_to(_MMENGINE / 'registry') for file in files
    )


def _is_of_a_library_call(error: Exception) -> bool:
    """Whether a library raised it that mmengine called with a config's value.

    No code of ours, or of a user, lies between. RuntimeErrors have other
    causes too, such as a tensor that was changed before the backward pass.
    """
    if isinstance(error, RuntimeError) or _WORKER_TRACEBACK in str(error):
        return False
    files = _files(error)
    for number in reversed(range(len(files))):
        if any(map(files[number].is_relative_to, _USERS_OF_CONFIG)):
            return number < len(files) - 1
        if _is_own(files[number]) or not files[number].is_relative_to(
            _LIBRARIES
        ):
            return False
    return False


def _is_raised_by_a_library(error: Exception) -> bool:
    """Whether an error that a wrong value can cause is not from our code."""
    return isinstance(error, _CONFIG_ERRORS) and not _is_own(_files(error)[-1])


def _needs_a_hint(error: Exception) -> bool:
    """Whether an error of a config comes without what to correct.

    The ValueErrors of this project say it, and a missing file or a wrong
    checkpoint need not be the config's fault.
    """
    last = _files(error)[-1]
    if isinstance(error, (OSError, ImportError, SyntaxError)):
        return False
    if isinstance(error, ValueError) and _is_own(last):
        return False
    if last.is_relative_to(_MMENGINE / 'runner/checkpoint.py'):
        return False
    return _is_of_config(error) or _is_of_a_library_call(error)


def _describe_with_class(error: Exception) -> str:
    """Add the class that a registry was building, if there is one."""
    text = describe(error)
    for frame, _ in reversed([*traceback.walk_tb(error.__traceback__)]):
        if frame.f_code is build_from_cfg.__code__:
            name = getattr(frame.f_locals.get('obj_cls'), '__name__', None)
            return text if name is None or name in text else f'{name}: {text}'
    return text


def _name_values(config: object, options: Iterable[str]) -> str:
    """Say which values to check."""
    places = []
    if options:
        places.append(f'of --cfg-options {", ".join(options)}')
    if config is not None:
        places.append(f'in {config}')
    return f'; check the values {" and ".join(places)}' if places else ''


def _files(error: Exception) -> list[Path]:
    frames = traceback.extract_tb(error.__traceback__)
    return [Path(frame.filename) for frame in frames]


def _is_own(file: Path) -> bool:
    return any(map(file.is_relative_to, _OWN))


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

"""Wrong input ends a tool with one line, a bug with a traceback."""

import argparse
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmavs.engine import add_traceback_argument, command_line, error_line
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from mmseg.registry import MODELS
from torch.utils.data import DataLoader


def _args(*options):
    parser = argparse.ArgumentParser()
    add_traceback_argument(parser)
    return parser.parse_args(options)


@pytest.fixture(autouse=True)
def no_log_file():
    """Runners of other tests leave a current logger with a file."""
    MMLogger.get_instance('test_command_line')


def _line(error_class, function, *options):
    with pytest.raises(error_class) as caught, error_line(_args(*options)):
        function()
    return str(caught.value)


def _raise(error):
    def function():
        raise error

    return function


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (ValueError('expected 1,\n  got 2.'), 'error: expected 1, got 2.'),
        (FileNotFoundError('no file a'), 'error: no file a'),
        (PermissionError(13, 'Denied', 'a'), "error: [Errno 13] Denied: 'a'"),
        (ValueError(), 'error: ValueError'),
        (
            SyntaxError('invalid syntax', ('c.py', 3, 1, 'a =')),
            'error: c.py, line 3: invalid syntax',
        ),
    ],
)
def test_wrong_input_ends_in_one_line(error, line):
    assert _line(SystemExit, _raise(error)) == line


def test_traceback_on_demand():
    error = ValueError('wrong')
    assert _line(ValueError, _raise(error), '--traceback') == 'wrong'


@pytest.mark.parametrize('kind', [KeyError, RuntimeError, AssertionError])
def test_a_defect_keeps_its_traceback(kind):
    _line(kind, _raise(kind('a')))


@pytest.mark.parametrize(
    ('use_config', 'expected'),
    [
        (lambda: MODELS.build(dict(type='NoModel')), 'error: NoModel is not'),
        (
            lambda: MODELS.build(dict(type='FCNHead', colour=1)),
            r"error: .*Head.*unexpected keyword argument 'colour'",
        ),
        (lambda: Config(dict(a=1)).model, "error: .*attribute 'model'"),
        (lambda: Runner.from_cfg(Config(dict(model={}))), 'error: .*work_dir'),
    ],
)
def test_what_mmengine_says_of_a_config_is_one_line(use_config, expected):
    with (
        pytest.raises(SystemExit, match=expected) as caught,
        error_line(_args()),
    ):
        use_config()
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('use_config', 'expected'),
    [
        (
            lambda: MODELS.build(
                dict(type='FCNHead', in_channels=4, channels=[], num_classes=2)
            ),
            r'^error: FCNHead: .*; check the values in c\.py$',
        ),
        (
            lambda: autocast(enabled=5).__enter__(),
            r'^error: .*must be bool, not int; check the values in c\.py$',
        ),
    ],
)
def test_what_libraries_say_of_a_config_names_its_file(use_config, expected):
    args = argparse.Namespace(traceback=False, config='c.py')
    with pytest.raises(SystemExit, match=expected), error_line(args):
        use_config()


class _Hook:
    """A hook with a bug: a missing key."""

    def before_run(self, runner):
        return {}['a']


def test_defects_that_mmengine_passes_on_keep_their_traceback():
    """Of a hook, and of a loss that no parameter reaches."""
    runner = SimpleNamespace(_hooks=[_Hook()])
    _line(KeyError, lambda: Runner.call_hook(runner, 'before_run'))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    wrapper = OptimWrapper(optimizer)
    _line(RuntimeError, lambda: wrapper.backward(torch.zeros(1)))


def test_own_assertions_keep_their_traceback_while_a_model_is_built(
    monkeypatch,
):
    class Failing:
        def __init__(self):
            raise AssertionError('ours')

    def build():
        MODELS.build(dict(type=Failing))

    assert _line(SystemExit, build) == 'error: Failing: ours'
    monkeypatch.setattr(command_line, '_OWN', (Path(__file__),))
    assert _line(AssertionError, build) == 'ours'


class _Broken(torch.utils.data.Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise ValueError('clip 7: no sound,\nnone at all')


def test_error_of_a_worker_is_its_message():
    """torch passes on the worker's traceback as the message."""
    batches = iter(DataLoader(_Broken(), num_workers=1))
    line = _line(SystemExit, lambda: next(batches))
    # The garbage collector would wait 5 seconds for the worker.
    batches._shutdown_workers()
    assert line == 'error: clip 7: no sound, none at all'


def test_traceback_goes_to_the_log_file(tmp_path):
    log = tmp_path / 'run.log'
    MMLogger.get_instance('test_with_file', log_file=str(log))
    line = _line(SystemExit, _raise(ValueError('wrong')))
    assert line == f'error: wrong (traceback: {log})'
    assert 'Traceback (most recent call last)' in log.read_text()
    assert 'ValueError: wrong\n' in log.read_text()

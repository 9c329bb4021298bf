"""The screen shows the training; the log file holds the rest."""

import subprocess
import sys
import warnings

import pytest
import torch
from mmavs.engine import ToolRunner, quiet_libraries
from mmengine.config import Config
from mmengine.fileio import FileClient
from mmengine.logging import print_log
from support.new_process import quick_environment
from support.toy_training import ROOT, write_config


@pytest.mark.slow
def test_few_lines_before_the_first_step(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            ROOT / 'tools/train.py',
            write_config(tmp_path),
            '--work-dir',
            tmp_path / 'work',
            '--cfg-options',
            'train_cfg.max_epochs=1',
            'custom_hooks=[]',
        ],
        env=quick_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    (first, *_) = [i for i, text in enumerate(lines) if 'Epoch(train)' in text]
    assert first < 20
    screen = done.stdout + done.stderr
    for notice in ('Could not import', 'meshgrid', 'FileClient'):
        assert notice not in screen
    (log_file,) = (tmp_path / 'work').glob('*/*.log')
    assert f'Environment, config and hooks: {log_file}' in screen
    log = log_file.read_text()
    for part in ('System environment:', 'Config:\n', 'Hooks will be execut'):
        assert part in log
        assert part.strip() not in screen
    assert (tmp_path / 'work/toy.py').is_file()


def test_only_named_messages_are_left_out(tmp_path, capsys):
    cfg = Config.fromfile(write_config(tmp_path))
    cfg.work_dir, cfg.experiment_name = str(tmp_path), tmp_path.as_posix()
    ToolRunner.from_cfg(cfg)
    FileClient('disk')
    print_log('of our own', logger='current')
    screen = capsys.readouterr().out
    assert 'of our own' in screen
    assert 'FileClient' not in screen


def test_only_named_warnings_are_left_out(capsys):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        quiet_libraries()
        torch.meshgrid(torch.arange(2), torch.arange(2))
        warnings.warn('of our own', stacklevel=1)
    assert [str(warning.message) for warning in caught] == ['of our own']


@pytest.mark.parametrize(
    ('text', 'shown'), [('Could not import OneDL', ''), ('other\n', 'other\n')]
)
def test_only_the_named_notice_is_left_out(monkeypatch, capsys, text, shown):
    monkeypatch.setattr(
        'mmavs.engine.screen_output.importlib.import_module',
        lambda name: print(text, end=''),
    )
    quiet_libraries()
    assert capsys.readouterr().out == shown

"""Benchmarks that read a config end in one line if it is wrong."""

import sys

import pytest

from benchmarks import (
    backends,
    model_costs,
    ms_deform_attn,
    sound_conditions,
    throughput,
    training,
)

PART = 'configs/_base_/default_runtime.py'


@pytest.mark.parametrize(
    ('module', 'arguments'),
    [
        (backends, []),
        (model_costs, []),
        (ms_deform_attn, ['--model']),
        (sound_conditions, ['--config']),
        (throughput, []),
    ],
)
@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('configs/none.py', 'expected a config file, found none'),
        (PART, 'expected a config with model, test_dataloader, got'),
    ],
)
def test_wrong_config(module, arguments, config, message, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['', *arguments, config])
    monkeypatch.setattr(ms_deform_attn, 'measure', lambda _: [])
    with pytest.raises(SystemExit, match=f'^error: {config}: {message}'):
        module.main()


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('configs/none.py', 'expected a config file, found none'),
        (PART, 'expected a config with model, train_dataloader, got'),
    ],
)
def test_wrong_config_of_training(config, message, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['', config])
    with pytest.raises(SystemExit, match=f'^error: {config}: {message}'):
        training.main()

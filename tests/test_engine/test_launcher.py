"""Devices of the processes that a tool starts, and why one has failed."""

import shutil

import pytest
from mmavs.engine import launcher
from mmavs.engine.launcher import device_variables


def test_devices_are_counted_among_the_visible_ones(monkeypatch):
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    assert device_variables(None) == [{}]
    assert device_variables(['cuda:1', 'cuda:0']) == [
        dict(CUDA_VISIBLE_DEVICES='1'),
        dict(CUDA_VISIBLE_DEVICES='0'),
    ]
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '6,GPU-a')
    assert device_variables(['cuda:1']) == [dict(CUDA_VISIBLE_DEVICES='GPU-a')]
    with pytest.raises(ValueError, match='one of the 2 CUDA devices'):
        device_variables(['cuda:2'])


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('a\nerror: no clip\n---\n', 'error: no clip'),
        ('a\nKilled\n\n', 'Killed'),
        ('', 'it printed nothing'),
        ('x' * 999, 'x' * 300),
    ],
)
def test_the_cause_of_a_failure(tmp_path, monkeypatch, text, expected):
    log = tmp_path / 'train.txt'
    log.write_text(text)
    assert launcher._find_cause(log) == expected
    full = shutil.disk_usage(tmp_path)._replace(free=4096)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: full)
    expected = f'less than 1 MiB is free on the disk of {tmp_path}'
    assert launcher._find_cause(log) == expected

"""Devices of the processes that a tool starts."""

import pytest
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

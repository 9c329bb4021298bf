"""mmavs.converters.checkpoint_files: reading and writing."""

import sys
import types

import pytest
import torch
from mmavs.converters.checkpoint_files import read_state_dict, write_checkpoint


def test_files_go_round(tmp_path):
    """Written files can be read with weights_only=True, without a wrapper."""
    path = tmp_path / 'new' / 'a.pth'
    write_checkpoint(path, {'a': torch.ones(2)}, meta={'b': 'c'})
    assert torch.load(path, weights_only=True)['meta'] == {'b': 'c'}
    assert read_state_dict(path)['a'].tolist() == [1.0, 1.0]
    assert [p.name for p in path.parent.iterdir()] == ['a.pth']


def test_files_that_are_no_checkpoint(tmp_path):
    path = tmp_path / 'a.pth'
    with pytest.raises(FileNotFoundError, match='There is no checkpoint at'):
        read_state_dict(path)
    path.write_bytes(b'not a checkpoint')
    with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
        read_state_dict(path)
    torch.save(dict(a=3), path)
    with pytest.raises(ValueError, match='dict of tensors'):
        read_state_dict(path)


def test_safetensors_is_asked_for_by_name(tmp_path, monkeypatch):
    path = tmp_path / 'model.safetensors'
    path.touch()
    monkeypatch.setitem(sys.modules, 'safetensors.torch', None)
    with pytest.raises(ImportError, match='pip install safetensors'):
        read_state_dict(path)


def test_safetensors_file_is_read_by_its_library(tmp_path, monkeypatch):
    path = tmp_path / 'model.safetensors'
    path.touch()
    library = types.ModuleType('safetensors')
    library.SafetensorError = type('SafetensorError', (Exception,), {})
    library.torch = types.ModuleType('safetensors.torch')
    library.torch.load_file = lambda source: {'read': source}
    monkeypatch.setitem(sys.modules, 'safetensors', library)
    monkeypatch.setitem(sys.modules, 'safetensors.torch', library.torch)
    assert read_state_dict(path) == {'read': path}

    def load_damaged(source):
        raise library.SafetensorError('header too large')

    library.torch.load_file = load_damaged
    with pytest.raises(ValueError, match='header too large'):
        read_state_dict(path)
    with pytest.raises(FileNotFoundError, match='There is no checkpoint at'):
        read_state_dict(tmp_path / 'absent.safetensors')

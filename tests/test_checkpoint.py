"""Loading a checkpoint runs no code and downloads nothing."""

import os
import pickle
import random

import numpy as np
import pytest
import torch
from mmavs import checkpoint
from mmavs.checkpoint import TRUST_VARIABLE, forbid_downloads
from mmavs.checkpoint_weights import describe_misfit
from mmengine.logging import MessageHub
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader, load_checkpoint
from torch import nn


class _Evil:
    """Unpickling it runs code: visible and harmless."""

    def __reduce__(self):
        return exec, ('import random; random.seed(5)',)


def _load(path):
    return CheckpointLoader.load_checkpoint(str(path), map_location='cpu')


def test_log_histories_and_numpy_values_are_opened(tmp_path):
    """All types that mmengine itself writes into a checkpoint."""
    hub = MessageHub.get_instance('test_checkpoint')
    hub.update_scalar('train/loss', 0.5)
    hub.update_info('best_score', np.float32(0.75))
    saved = dict(
        message_hub=hub.state_dict(),
        meta=dict(dataset_meta=dict(palette=np.eye(3, dtype=np.uint8))),
    )
    torch.save(saved, tmp_path / 'a.pth')
    loaded = _load(tmp_path / 'a.pth')
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert history.mean() == 0.5
    assert loaded['message_hub']['runtime_info']['best_score'] == 0.75
    palette = loaded['meta']['dataset_meta']['palette']
    assert palette.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize('package', ['numpy.core', 'numpy._core'])
def test_arrays_of_both_numpy_generations_are_opened(tmp_path, package):
    """Their pickles differ in the module that rebuilds arrays."""
    path = tmp_path / 'a.pth'
    values = [np.arange(3.0), np.float64(7)]
    torch.save(values, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    for name in (b'cnumpy._core.multiarray', b'cnumpy.core.multiarray'):
        content = content.replace(name, f'c{package}.multiarray'.encode())
    assert f'c{package}.multiarray'.encode() in content
    path.write_bytes(content)
    array, scalar = _load(path)
    assert array.tolist() == [0, 1, 2]
    assert scalar == 7


def test_file_that_would_run_code_is_refused_by_name(tmp_path):
    random.seed(1)
    before = random.getstate()
    torch.save(dict(state_dict={}, extra=_Evil()), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=rf"needs 'exec'.*{TRUST_VARIABLE}=1"):
        _load(tmp_path / 'a.pth')
    assert random.getstate() == before


def test_file_that_would_run_code_opens_on_trust(tmp_path, monkeypatch):
    random.seed(1)
    before = random.getstate()
    torch.save(dict(extra=_Evil()), tmp_path / 'a.pth')
    monkeypatch.setenv(TRUST_VARIABLE, '1')
    _load(tmp_path / 'a.pth')
    assert random.getstate() != before


@pytest.mark.parametrize('name', ['eval', 'system'])
def test_getattr_reaches_nothing_but_log_statistics(tmp_path, name):
    """mmengine allows all of ``getattr``, which gives access to anything."""
    # getattr(HistoryBuffer, name), as pickle writes it
    content = (
        b'\x80\x02cbuiltins\ngetattr\n'
        b'cmmengine.logging.history_buffer\nHistoryBuffer\n'
        + b'X'
        + len(name).to_bytes(4, 'little')
        + name.encode()
        + b'\x86R.'
    )
    path = tmp_path / 'a.pth'
    torch.save({}, path, _use_new_zipfile_serialization=False)
    # the legacy format is a row of pickles; the fourth is the object
    head = path.read_bytes()
    start = head.index(pickle.dumps({}, protocol=2))
    path.write_bytes(head[:start] + content + head[start + 5 :])
    with pytest.raises(ValueError, match='getattr'):
        _load(path)


def test_pretrained_init_cfg_is_safe_too(tmp_path):
    torch.save(dict(extra=_Evil()), tmp_path / 'a.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth'))
    module = BaseModule(init_cfg)
    with pytest.raises(ValueError, match='holds more than weights'):
        module.init_weights()


@pytest.mark.parametrize('num_bytes', [0, 10, 500, -1])
@pytest.mark.parametrize('zipped', [True, False])
def test_file_cut_off_anywhere_is_named(tmp_path, num_bytes, zipped):
    path = tmp_path / 'cut.pth'
    saved = dict(state_dict=nn.Linear(30, 30).state_dict())
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:num_bytes])
    with pytest.raises(ValueError, match=r'cut\.pth.* cannot be read'):
        load_checkpoint(nn.Linear(30, 30), str(path))


def test_file_of_something_else_is_named(tmp_path):
    (tmp_path / 'a.pth').write_text('<html>not found</html>')
    with pytest.raises(ValueError, match=r"a\.pth' cannot be read"):
        _load(tmp_path / 'a.pth')


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*b\.pth'):
        _load(tmp_path / 'b.pth')


_ADDRESSES = (
    *('http://h/a', 'https://h/a', 's3://b/a', 'cluster:s3://b/a'),
    *('petrel://b/a', 'pavi://a', 'modelzoo://resnet50'),
    *('torchvision://resnet50', 'open-mmlab://resnet50'),
    *('openmmlab://resnet50', 'mmcls://resnet50'),
)


@pytest.mark.parametrize('address', _ADDRESSES)
def test_tools_download_nothing(address):
    with (
        forbid_downloads(),
        pytest.raises(ValueError, match='downloads nothing'),
    ):
        _load(address)


def test_no_loader_is_left_unsafe():
    loaders = set(CheckpointLoader._schemes.values())
    assert {loader.__module__ for loader in loaders} == {'mmavs.checkpoint'}


def test_other_code_may_download_but_safely(tmp_path, monkeypatch):
    """Downloads by mmengine's loader run no code, whatever its arguments."""
    torch.save(dict(state_dict={}), tmp_path / 'good.pth')
    torch.save(dict(extra=_Evil()), tmp_path / 'evil.pth')

    def load(filename, map_location=None):
        path = tmp_path / filename.rpartition('/')[2]
        return torch.load(path, weights_only=False)

    loaders = dict.fromkeys(checkpoint._MMENGINE_LOADERS, load)
    monkeypatch.setattr(checkpoint, '_MMENGINE_LOADERS', loaders)
    assert _load('https://host/good.pth') == dict(state_dict={})
    with pytest.raises(pickle.UnpicklingError, match='exec'):
        _load('https://host/evil.pth')
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ


def test_misfit_is_counted_and_the_system_named():
    weights = nn.Linear(2, 3).state_dict()
    weights = dict(weights, bias=torch.ones(4), more=torch.ones(1))
    del weights['weight']
    saved = dict(
        state_dict=weights,
        meta=dict(cfg="decode_head=dict(type='TPAVIHead')"),
    )
    assert describe_misfit(nn.Linear(2, 3), saved) == (
        'Of 2 tensors of the model: 1 missing: weight; 1 superfluous: more; '
        '1 of another shape: bias. The file was trained with a TPAVIHead.'
    )


def test_config_text_in_a_checkpoint_is_not_run(tmp_path):
    """mmengine's resume executes ``meta['config']`` as Python."""
    meta = dict(epoch=1, config='raise SystemExit')
    torch.save(dict(meta=meta, state_dict={}), tmp_path / 'a.pth')
    assert _load(tmp_path / 'a.pth')['meta'] == dict(epoch=1)

"""tools/model_converters/vggish.py: torchvggish's file becomes ours."""

import runpy
import sys
from pathlib import Path

import mmavs  # noqa: F401
import pytest
import torch
from mmseg.registry import MODELS

SCRIPT = Path(__file__).parents[2] / 'tools' / 'model_converters' / 'vggish.py'
NAMES = [f'features.{i}' for i in (0, 3, 6, 8, 11, 13)]
NAMES += [f'embeddings.{i}' for i in (0, 2, 4)]
KEYS = [f'{name}.{kind}' for name in NAMES for kind in ('weight', 'bias')]


@pytest.fixture
def convert(monkeypatch):
    """Run the script as the command line does."""

    def run(*args):
        monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *map(str, args)])
        monkeypatch.syspath_prepend(str(SCRIPT.parent))
        runpy.run_path(str(SCRIPT), run_name='__main__')

    return run


@pytest.fixture
def released():
    """Stands for the released file: its names, one number a tensor."""
    return {key: torch.tensor([float(n)]) for n, key in enumerate(KEYS)}


def test_every_tensor_arrives(convert, released, tmp_path, capsys):
    src, dst = tmp_path / 'vggish-10086976.pth', tmp_path / 'ours.pth'
    torch.save(released, src)
    convert(src, dst)
    printed = capsys.readouterr().out
    assert '18 tensors became 18 (0 renamed or joined), 0 dropped' in printed
    assert str(dst) in printed
    written = torch.load(dst, weights_only=True)
    assert written['state_dict'] == released
    assert written['meta']['source'] == 'vggish-10086976.pth'
    assert len(written['meta']['source_sha256']) == 64


def test_unknown_and_missing_names_are_refused(convert, released, tmp_path):
    src, dst = tmp_path / 'a.pth', tmp_path / 'ours.pth'
    released['pproc.pca_means'] = released.pop('embeddings.4.bias')
    torch.save(released, src)
    with pytest.raises(SystemExit) as caught:
        convert(src, dst)
    message = str(caught.value)
    assert 'missing in the source: embeddings.4.bias' in message
    assert 'unknown in the source: pproc.pca_means' in message
    assert not dst.exists()


def test_missing_file_is_said(convert, tmp_path):
    with pytest.raises(SystemExit, match='There is no checkpoint at'):
        convert(tmp_path / 'a.pth', tmp_path / 'b.pth')


def test_pretrained_takes_the_converted_file(convert, tmp_path):
    """The file is what init_cfg of type Pretrained loads, key for key."""
    src, dst = tmp_path / 'a.pth', tmp_path / 'ours.pth'
    init_cfg = dict(type='Pretrained', checkpoint=str(dst))
    model = MODELS.build(
        dict(type='VGGish', final_relu=False, init_cfg=init_cfg)
    )
    # Expanded numbers: 18 of them on disk instead of 72 million.
    full = {
        name: torch.tensor(float(KEYS.index(name))).expand(tensor.shape)
        for name, tensor in model.state_dict().items()
    }
    torch.save(full, src)
    convert(src, dst)
    model.init_weights()
    for number, name in enumerate(KEYS):
        assert (model.state_dict()[name] == number).all(), name
    assert not any(p.requires_grad for p in model.parameters())

"""The listings of docs/add_an_audio_encoder.md work as printed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmavs.datasets.transforms import Waveform
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmseg.registry import MODELS, TRANSFORMS
from PIL import Image
from support.avsbench_tree import write_avsbench_tree

ROOT = Path(__file__).parents[1]
PAGE = ROOT / 'docs' / 'add_an_audio_encoder.md'
#: A file named before a block of Python, and the block.
LISTING = re.compile(
    r'`((?:loudness|configs/loudness)/[\w/.-]+\.py)`.*?'
    r'```python\n(.*?)```',
    re.DOTALL,
)
CONFIG = 'configs/loudness/aavs_tiny_ms3-96x96_loudness.py'


def _listings() -> list[tuple[str, str]]:
    return LISTING.findall(PAGE.read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A copy of the configs, with the files of the page typed in."""
    root = tmp_path_factory.mktemp('project')
    shutil.copytree(ROOT / 'configs' / '_base_', root / 'configs/_base_')
    write_avsbench_tree(root / 'data')
    for name, text in _listings():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert not path.exists(), f'{name} is a shared file'
        path.write_text(text, encoding='utf-8')
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


@pytest.fixture(scope='module')
def config(project):
    """The config of the page; reading it registers the new classes."""
    cfg = Config.fromfile(project / CONFIG)
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, batch_size=1)
        loader.dataset.update(data_root=str(project / 'data'))
    cfg.train_cfg.update(max_epochs=1)
    return cfg


def test_the_page_lists_its_files():
    names = [name for name, _ in _listings()]
    assert names == [
        'loudness/__init__.py',
        'loudness/transform.py',
        'loudness/backbone.py',
        CONFIG,
    ]


def test_no_shared_file_is_touched(project):
    """The copied bases are those of the repository."""
    difference = subprocess.run(
        ['diff', '-r', ROOT / 'configs/_base_', project / 'configs/_base_'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert difference.stdout == ''


def test_the_new_encoder_trains_and_is_drawn(config, tmp_path):
    cfg = config.copy()
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.custom_hooks = [
        *cfg.get('custom_hooks', []),
        dict(type='AVSVisualizationHook', show_dir=str(tmp_path / 'show')),
    ]
    runner = Runner.from_cfg(cfg)
    backbone = runner.model.audio_backbone
    assert type(backbone).__module__ == 'loudness.backbone'
    before = backbone.layers[0].weight.detach().clone()
    runner.train()
    assert runner.iter == 1
    assert not torch.equal(backbone.layers[0].weight, before)
    metrics = runner.test()
    assert 'split/mIoU' in metrics
    sheets = list((tmp_path / 'show').glob('*.png'))
    assert sheets
    assert Image.open(sheets[0]).format == 'PNG'


def test_its_tokens_reach_the_head(config):
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(config.model).eval()
    inputs = dict(
        frames=torch.zeros(3, 3, 64, 64),
        audio=torch.zeros(3, 4, 8),
        num_frames=(1, 2),
    )
    with torch.no_grad():
        features = model.extract_feat(inputs)
    assert features.audio_embed.shape == (3, 64)
    assert features.audio_tokens.shape == (3, 4, 64)
    with pytest.raises(ValueError, match=r'\(N, S, 8\), got \(3, 1, 96, 64\)'):
        model.extract_feat(inputs | dict(audio=torch.zeros(3, 1, 96, 64)))


@pytest.mark.usefixtures('config')
def test_rows_are_the_seconds_that_they_say():
    """A tone of 900 Hz in second 2 is in the first of 8 bands of 1 kHz."""
    samples = np.zeros(5 * 16000)
    time = np.arange(16000) / 16000
    samples[32000:48000] = 0.5 * np.sin(2 * np.pi * 900 * time)
    transform = TRANSFORMS.build(dict(type='Loudness'))
    waveform = Waveform.from_samples(samples, 16000, origin="clip 'abc'")
    results = transform(dict(waveform=waveform, num_frames=5))
    loudest = results['loudness'].max((1, 2)).argmax()
    assert loudest == 2
    assert results['audio_spans'][loudest] == (2.0, 3.0)
    assert (results['loudness'][2].argmax(-1) == 0).all()
    with pytest.raises(ValueError, match="clip 'abc': it lasts 5.00 s, expec"):
        transform(dict(waveform=waveform, num_frames=6))

"""The listings of docs/add_a_model.md work as they are printed."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from support.avsbench_tree import write_avsbench_tree

ROOT = Path(__file__).parents[1]
PAGE = ROOT / 'docs' / 'add_a_model.md'
#: A file named before a block of Python, and the block.
LISTING = re.compile(
    r'`((?:late_fusion|configs)/[\w/.-]+\.py)`.*?'
    r'```python\n(.*?)```',
    re.DOTALL,
)
CONFIG = 'configs/late_fusion/latefusion_tiny_ms3-96x96.py'
STAGE_TWO = 'configs/late_fusion/latefusion_tiny_stage2_avss-96x96.py'


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A copy of the configs, with the files of the page typed in."""
    root = tmp_path_factory.mktemp('project')
    shutil.copytree(ROOT / 'configs' / '_base_', root / 'configs/_base_')
    write_avsbench_tree(root / 'data')
    for name, text in LISTING.findall(PAGE.read_text(encoding='utf-8')):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


def _runner(project: Path, config: str, work_dir: Path) -> Runner:
    cfg = Config.fromfile(project / config)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, batch_size=1)
        loader.dataset.update(data_root=str(project / 'data'))
        for transform in loader.dataset.pipeline:
            if transform.type == 'LogMel':
                transform.cache_dir = None
    cfg.train_cfg.update(max_epochs=1)
    return Runner.from_cfg(cfg)


def test_the_page_lists_its_files():
    names = [n for n, _ in LISTING.findall(PAGE.read_text(encoding='utf-8'))]
    assert names == [
        'late_fusion/__init__.py',
        'late_fusion/head.py',
        CONFIG,
        STAGE_TWO,
    ]


def test_the_new_system_trains_and_is_scored(project, tmp_path):
    runner = _runner(project, CONFIG, tmp_path)
    assert type(runner.model.decode_head).__module__ == 'late_fusion.head'
    before = runner.model.decode_head.audio_gate.weight.detach().clone()
    runner.train()
    assert runner.iter == 1
    assert not torch.equal(runner.model.decode_head.audio_gate.weight, before)
    metrics = runner.test()
    assert {'split/mIoU', 'stepping_stones/F'} <= metrics.keys()


def test_its_second_stage_takes_the_prior(project, tmp_path):
    model = _runner(project, STAGE_TWO, tmp_path).model.eval()
    generator = torch.Generator().manual_seed(0)
    inputs = dict(
        frames=torch.randn(3, 3, 32, 32, generator=generator),
        audio=torch.randn(3, 1, 96, 64, generator=generator),
        num_frames=(1, 2),
        mask_prior=torch.zeros(3, 1, 8, 8),
    )
    with torch.no_grad():
        without = model.encode_decode(inputs, [dict(img_shape=(32, 32))] * 3)
        inputs['mask_prior'] = torch.ones(3, 1, 8, 8)
        with_prior = model.encode_decode(
            inputs, [dict(img_shape=(32, 32))] * 3
        )
    assert without.shape[:2] == (3, 71)
    assert not torch.equal(without, with_prior)
    # Adding 1 to every channel shifts the logits of a class by a constant.
    weight = model.decode_head.conv_seg.weight.sum(1).flatten()
    shift = (with_prior - without).mean(dim=(0, 2, 3))
    torch.testing.assert_close(shift, weight, atol=1e-5, rtol=0)

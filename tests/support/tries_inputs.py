"""A folder in which nothing is wrong, for tries to change.

``data/`` holds four clips in AVSBench's layout, ``stub.py`` and ``stub.pth``
a model for them, ``two.py`` its second stage, ``masks/`` the masks of its
first, ``toy.py`` a training of milliseconds with its ``toy/epoch_1.pth``, and
``a.mp4`` a video of three seconds.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

import torch
from mmengine.config import Config

from support.avsbench_tree import Clip, write_avsbench_tree
from support.hearing_stub import stub_config
from support.tiny_videos import make_video
from support.toy_training import ROOT, build_runner, write_config
from support.tries import own_globals

SIZE = (32, 32)
#: v1m: five frames each.
CLIPS = tuple(
    Clip('v1m', split, uid, class_id, SIZE)
    for split, uid, class_id in (
        ('test', 'a', 17),
        ('test', 'b', 28),
        ('train', 'c', 70),
        ('val', 'd', 3),
    )
)
#: Folder of a clip of the test split.
CLIP = 'data/v1m/a'


def write_inputs(folder: Path) -> Path:
    """Copy all good inputs to a folder.

    Args:
        folder (Path): An existing folder.

    Returns:
        Path: ``folder``.
    """
    return Path(shutil.copytree(_inputs(), folder, dirs_exist_ok=True))


@functools.lru_cache(maxsize=1)
def _inputs() -> Path:
    """Make the inputs once in a process; they are small."""
    keeper = tempfile.TemporaryDirectory()
    folder = Path(keeper.name)
    _KEEPERS.append(keeper)
    write_avsbench_tree(folder / 'data', CLIPS)
    make_video(folder / 'a.mp4', seconds=3, fps=5)
    torch.save(
        dict(state_dict=dict(weight=torch.ones(1))), folder / 'stub.pth'
    )
    run_config().dump(folder / 'stub.py')
    two = run_config(labels='semantic', mask_prior=dict(source='truth'))
    two.model.update(num_channels=71, needs_prior=True)
    two.test_evaluator = dict(type='AVSSemanticMetric')
    pipeline = two.test_dataloader.dataset.pipeline
    pipeline[1].label = 'semantic'
    pipeline.insert(2, dict(type='LoadMaskPrior'))
    two.dump(folder / 'two.py')
    _train_toy(folder)
    return folder


_KEEPERS: list[tempfile.TemporaryDirectory] = []


def run_config(**dataset: object) -> Config:
    """Config of the stub for ``tools/test.py``; relative to the folder.

    Args:
        **dataset (object): Overrides those of the data set.

    Returns:
        Config: Without a training.
    """
    cfg = stub_config(data_root='data', **dataset)
    base = Config.fromfile(ROOT / 'configs/_base_/default_runtime.py')
    base.custom_imports.imports = ['mmavs', 'support.hearing_stub']
    cfg.merge_from_dict(base.to_dict())
    cfg.test_dataloader.update(
        batch_size=1,
        num_workers=0,
        collate_fn=dict(type='clip_collate'),
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    pipeline = cfg.test_dataloader.dataset.pipeline
    pipeline[3].cache_dir = None
    cfg.test_evaluator = dict(type='AVSBinaryMetric', protocols=['split'])
    cfg.test_cfg = {}
    return cfg


def _train_toy(folder: Path) -> None:
    """Write ``toy.py`` and train its first epoch."""
    one_epoch = dict(by_epoch=True, max_epochs=1, val_interval=1)
    with own_globals():
        build_runner(folder / 'toy', train_cfg=one_epoch).train()
    write_config(folder)

"""The listings of docs/add_a_metric.md work as they are printed."""

import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from support.avsbench_tree import write_avsbench_tree
from support.typed_pages import type_in

CONFIG = 'configs/own_metric/aavs_tiny_ms3-96x96_clip-accuracy.py'


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """The files of the page, typed in, and clips."""
    root = tmp_path_factory.mktemp('project')
    assert type_in('add_a_metric.md', root) == ['clip_accuracy.py', CONFIG]
    write_avsbench_tree(root / 'data')
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


def _clip(index, pixels):
    """Frames of one clip: (prediction, truth) of a 1 x 2 image each."""
    return [
        dict(
            sample_idx=index,
            subset='v1m',
            clip_id=f'clip{index}',
            frame_index=t,
            num_frames=len(pixels),
            pred_sem_seg=dict(data=torch.tensor([[pred]])),
            gt_sem_seg=dict(data=torch.tensor([[truth]])),
        )
        for t, (pred, truth) in enumerate(pixels)
    ]


def test_a_value_worked_by_hand(project):
    """(2/2 + 1/2) / 2 = 0.75 and 0/2 = 0; their mean is 0.375."""
    from clip_accuracy import ClipAccuracy

    metric = ClipAccuracy()
    long = _clip(0, [([0, 1], [0, 1]), ([0, 0], [0, 1])])
    short = _clip(1, [([1, 1], [0, 0])])
    metric.process({}, [*long, *short])
    assert metric.evaluate(2) == {'clip_accuracy': 0.375}


def test_it_is_reported_beside_the_published_metrics(project, tmp_path):
    cfg = Config.fromfile(project / CONFIG)
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.data_root = str(project / 'data')
        for transform in loader.dataset.pipeline:
            if 'cache_dir' in transform:
                transform.cache_dir = None
    metrics = Runner.from_cfg(cfg).test()
    assert 0 <= metrics['clip_accuracy'] <= 1
    assert 'split/mIoU' in metrics

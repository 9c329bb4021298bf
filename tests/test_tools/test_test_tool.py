"""tools/test.py and what it writes."""

import json
import multiprocessing
import os
import sys

import numpy as np
import pytest
import torch
import toy_training
from avsbench_tree import Clip, write_avsbench_tree
from PIL import Image
from tiny_models import TINY_CONFIG, build, tiny_config

_PROCESSES = multiprocessing.get_context('forkserver')
_PROCESSES.set_forkserver_preload(['toy_training'])


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Three clips of different sounds, and an untrained tiny model."""
    folder = tmp_path_factory.mktemp('test_tool')
    clips = [Clip('v1m', 'test', f'clip{i}', 9 + 20 * i) for i in range(3)]
    write_avsbench_tree(folder / 'data', clips)
    torch.save(build(tiny_config()).state_dict(), folder / 'model.pth')
    return folder


def _test(folder, *options):
    """Run the tool and return its exit code and what it wrote to stderr."""
    arguments = [TINY_CONFIG, folder / 'model.pth', '--work-dir', folder]
    arguments += [*options, '--cfg-options']
    arguments += [f'test_dataloader.dataset.data_root={folder}/data']
    log = folder / 'stderr.txt'
    process = _PROCESSES.Process(
        target=toy_training.run_tool,
        args=('test.py', [str(word) for word in arguments], None, log),
    )
    with pytest.MonkeyPatch.context() as patch:
        # the process that the others are forked from looks only there
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        process.start()
    process.join()
    return process.exitcode, log.read_text()


def test_writes_metrics_pictures_and_masks(folder):
    code, log = _test(
        folder,
        *('--out', folder / 'new' / 'metrics.json'),
        *('--show-dir', folder / 'show', '--show-clips', 2),
        *('--dump-masks', folder / 'masks', '--soft'),
    )
    assert code == 0, log
    metrics = json.loads((folder / 'new' / 'metrics.json').read_text())
    assert {'split/mIoU', 'stepping_stones/F'} <= set(metrics)
    assert 0 < metrics['split/mIoU'] < 1
    pictures = sorted(path.name for path in (folder / 'show').iterdir())
    assert pictures == [f'v1m_clip{i}.png' for i in range(2)]
    index = json.loads((folder / 'masks' / 'index.json').read_text())
    assert index['mode'] == 'soft'
    assert len(index['checkpoint_hash']) == len(index['config_hash']) == 64
    mask = Image.open(folder / 'masks' / 'v1m' / 'clip2' / '4.png')
    assert len(np.unique(mask)) > 2


def test_swapped_sound_changes_the_result(folder):
    """The F-score looks at the scores, and the scores hear the sound."""
    results = []
    for options in ((), ('--swap-sound',)):
        out = folder / f'{len(results)}.json'
        code, log = _test(folder, '--out', out, *options)
        assert code == 0, log
        results.append(json.loads(out.read_text())['split/F'])
    assert results[0] != results[1]


def test_incomplete_checkpoint_is_refused_by_name(folder):
    """Never random weights in the place of missing ones."""
    whole = torch.load(folder / 'model.pth', weights_only=True)
    part = {k: v for k, v in whole.items() if 'audio_backbone' not in k}
    assert 0 < len(part) < len(whole)
    torch.save(part, folder / 'model.pth')
    try:
        code, log = _test(folder)
    finally:
        torch.save(whole, folder / 'model.pth')
    assert code != 0
    assert 'missing keys in source state_dict: audio_backbone.' in log


def test_soft_without_masks_is_refused(folder):
    code, log = _test(folder, '--soft')
    assert code == 2
    assert '--soft says how --dump-masks writes' in log

"""Stage two stops before its first step if its masks do not fit."""

import json
import multiprocessing
import os
import sys

import pytest
from PIL import Image
from support import toy_training
from support.avsbench_tree import write_avsbench_tree, write_mask_directory

pytestmark = pytest.mark.slow

_PROCESSES = multiprocessing.get_context('forkserver')
_PROCESSES.set_forkserver_preload(['support.toy_training'])

CONFIG = toy_training.ROOT / (
    'configs/synthetic/aavs_tiny_stage2_avss-96x96.py'
)
#: The command in the error, which writes the masks that validation reads.
COMMAND = 'python tools/test.py CONFIG CHECKPOINT --dump-masks DIR --split val'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('data') / 'avsbench')


@pytest.fixture
def masks(tmp_path):
    return write_mask_directory(tmp_path / 'masks', size=(96, 96))


def _train(data, masks, work_dir):
    """Train as from the command line; return exit code and log."""
    words = [CONFIG, '--work-dir', work_dir, '--cfg-options']
    for split in ('train', 'val', 'test'):
        loader = f'{split}_dataloader'
        words += [f'{loader}.dataset.data_root={data}']
        words += [f'{loader}.dataset.mask_prior.root={masks}']
        words += [f'{loader}.num_workers=0']
    words += ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    words += [f'default_hooks.mask_prior_check.expect_checkpoint={"k" * 64}']
    log = work_dir.with_suffix('.txt')
    process = _PROCESSES.Process(
        target=toy_training.run_tool,
        args=('train.py', [str(word) for word in words], None, log),
    )
    with pytest.MonkeyPatch.context() as patch:
        # the process that the others are forked from looks only there
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        process.start()
    process.join()
    return process.exitcode, log.read_text()


def test_whole_masks_let_it_begin(data, masks, tmp_path):
    """Otherwise the errors tested below would prove nothing."""
    code, log = _train(data, masks, tmp_path / 'work')
    assert code == 0, log
    assert (tmp_path / 'work' / 'epoch_1.pth').is_file()


def _lack_clip(masks):
    path = masks / 'index.json'
    index = json.loads(path.read_text())
    clips = [c for c in index['clips'] if c['clip_id'] != 'v1m-val']
    assert len(clips) == len(index['clips']) - 1
    path.write_text(json.dumps({**index, 'clips': clips}))


def _wrong_size(masks):
    Image.new('L', (224, 224)).save(masks / 'v1m/v1m-val/3.png')


def _stale_index(masks):
    """Another stage-one checkpoint has replaced the masks."""
    path = masks / 'index.json'
    path.write_text(path.read_text().replace('k' * 64, 'o' * 64))


def _unreadable(masks):
    path = masks / 'v1m/v1m-val/3.png'
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ('spoil', 'error', 'file'),
    [
        (_lack_clip, 'index.json lists 0 masks, expected 5', '0.png'),
        (_wrong_size, 'must be (96, 96), got (224, 224)', '3.png'),
        (_stale_index, f'index.json says {"o" * 64}, expected kkk', '0.png'),
        (_unreadable, 'cannot read', '3.png'),
    ],
    ids=['lacks-a-clip', 'wrong-size', 'stale-index', 'unreadable'],
)
def test_it_names_clip_file_and_command(
    data, masks, tmp_path, spoil, error, file
):
    spoil(masks)
    code, log = _train(data, masks, tmp_path / 'work')
    assert code != 0
    (message,) = (
        line
        for line in log.splitlines()
        if line.startswith('SystemExit: error: ')
    )
    assert error in message
    assert f"{masks}/v1m/v1m-val/{file} of clip 'v1m-val'" in message
    assert f'`{COMMAND}` with the first stage' in message
    assert not list((tmp_path / 'work').glob('*.pth'))
    (training,) = (tmp_path / 'work').glob('*/*.log')
    assert 'Epoch(train)' not in training.read_text()

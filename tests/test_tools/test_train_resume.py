"""Training killed with ``kill -9`` and resumed equals undisturbed training."""

import multiprocessing
import os
import signal
import sys

import pytest
import torch
from support import toy_training

# Its processes start where everything is imported already, and no thread of
# this one comes along.
pytestmark = pytest.mark.slow

_PROCESSES = multiprocessing.get_context('forkserver')
_PROCESSES.set_forkserver_preload(['support.toy_training'])


def _train(config, work_dir, *options, kill_at=None):
    """Train in a separate process and return its exit code."""
    work_dir.mkdir(exist_ok=True)
    process = _PROCESSES.Process(
        target=toy_training.run_tool,
        args=(
            'train.py',
            [str(config), '--work-dir', str(work_dir), *options],
            kill_at,
            work_dir / 'stderr.txt',
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        # the process that the others are forked from looks only there
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        process.start()
    process.join()
    return process.exitcode


def _load(work_dir, name):
    return torch.load(work_dir / name, weights_only=True)


def _best(work_dir):
    return sorted(path.name for path in work_dir.glob('best_*'))


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
    """Work dir of an undisturbed training."""
    folder = tmp_path_factory.mktemp('alone')
    assert _train(toy_training.write_config(folder), folder) == 0
    return folder


@pytest.mark.parametrize(
    ('event', 'epoch', 'last_checkpoint'),
    [
        ('train', 1, 1),  # between two checkpoints, in phase one
        ('train', 2, 2),  # in the first epoch of phase two: switches again
        ('val', 1, 2),  # saved, but the best checkpoint is not known yet
        ('save', 1, 1),  # half of the last checkpoint of phase one is on disk
        ('save', 2, 2),  # likewise in phase two
        ('val', 3, 4),  # only the last validation is left to do
    ],
)
def test_killed_and_resumed_is_bit_identical(
    alone, tmp_path, event, epoch, last_checkpoint
):
    """The next checkpoint, the one after it and the best one are equal."""
    config = toy_training.write_config(tmp_path)
    code = _train(config, tmp_path, kill_at=(event, epoch))
    assert code == -signal.SIGKILL
    last = (tmp_path / 'last_checkpoint').read_text()
    assert last == str(tmp_path / f'epoch_{last_checkpoint}.pth')
    if event == 'save':
        assert list(tmp_path.glob('.epoch_*.partial'))

    assert _train(config, tmp_path, '--resume') == 0

    assert _best(tmp_path) == _best(alone) != []
    for name in ('epoch_4.pth', *_best(alone)):
        ours, theirs = _load(tmp_path, name), _load(alone, name)
        for key in ours['state_dict']:
            assert ours['state_dict'][key].equal(theirs['state_dict'][key])
    torch.testing.assert_close(
        _load(tmp_path, 'epoch_4.pth')['optimizer'],
        _load(alone, 'epoch_4.pth')['optimizer'],
        rtol=0,
        atol=0,
    )


def test_exact_with_workers_that_live_through_the_epochs(alone, tmp_path):
    """Starting workers draws one random number per run; all else is equal."""
    loader = toy_training.toy_loader(num_workers=1, persistent_workers=True)
    config = toy_training.write_config(tmp_path, train_dataloader=loader)
    assert _train(config, tmp_path, kill_at=('train', 2)) == -signal.SIGKILL
    assert _train(config, tmp_path, '--resume') == 0
    ours = _load(tmp_path, 'epoch_4.pth')['state_dict']
    theirs = _load(alone, 'epoch_4.pth')['state_dict']
    for key in theirs:
        assert ours[key].equal(theirs[key])


def test_the_toy_would_notice(alone, tmp_path):
    """Without the random states, the resumed training ends differently."""
    config = toy_training.write_config(tmp_path)
    assert _train(config, tmp_path, kill_at=('train', 1)) == -signal.SIGKILL
    path = tmp_path / 'epoch_1.pth'
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint['resume_state']
    torch.save(checkpoint, path)
    assert _train(config, tmp_path, '--resume') == 0
    ours = _load(tmp_path, 'epoch_4.pth')['state_dict']
    theirs = _load(alone, 'epoch_4.pth')['state_dict']
    assert not ours['cls_embed.1.weight'].equal(theirs['cls_embed.1.weight'])


def test_resume_without_a_checkpoint_begins_anew(tmp_path):
    """--resume works for a training killed before its first checkpoint."""
    config = toy_training.write_config(
        tmp_path, train_cfg=dict(by_epoch=True, max_epochs=1)
    )
    assert _train(config, tmp_path, '--resume') == 0
    assert (tmp_path / 'epoch_1.pth').is_file()

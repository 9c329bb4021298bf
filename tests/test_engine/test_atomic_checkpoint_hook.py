"""Which checkpoints are written, kept and removed."""

import os
import shutil

import pytest
import torch
from mmavs import atomic_file as module
from mmavs.engine import AtomicBackend, AtomicCheckpointHook
from support.toy_training import ToyMetric, build_runner

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow


class _Killed(BaseException):
    """Represents the end of the process."""


def _names(folder):
    return sorted(path.name for path in folder.glob('*epoch*'))


def _die(*args):
    raise _Killed


@pytest.mark.parametrize('call', ['fsync', 'replace'])
def test_write_that_does_not_finish_leaves_the_old_content(
    tmp_path, monkeypatch, call
):
    backend, path = AtomicBackend(), tmp_path / 'new' / 'file.txt'
    backend.put_text('old', path)
    with monkeypatch.context() as patch:
        patch.setattr(module.os, call, _die)
        with pytest.raises(_Killed):
            backend.put(b'new', path)
    assert path.read_text() == 'old'
    backend.put(b'newer', str(path))
    assert path.read_text() == 'newer'
    assert os.listdir(path.parent) == ['file.txt']


def test_relative_path_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    AtomicBackend().put(b'a', 'file.txt')
    assert (tmp_path / 'file.txt').read_bytes() == b'a'


def _score_by_epoch(monkeypatch, *scores):
    values = iter(scores)
    monkeypatch.setattr(
        ToyMetric,
        'compute_metrics',
        lambda self, results: {'split/mIoU': next(values)},
    )


def test_keeps_the_last_two_and_the_best(tmp_path, monkeypatch):
    _score_by_epoch(monkeypatch, 0.2, 0.7, 0.7, 0.5)
    build_runner(tmp_path).train()
    assert _names(tmp_path) == [
        'best_split_mIoU_epoch_2.pth',
        'epoch_3.pth',
        'epoch_4.pth',
    ]
    last = (tmp_path / 'last_checkpoint').read_text()
    assert last == str(tmp_path / 'epoch_4.pth')
    info = torch.load(last, weights_only=True)['message_hub']['runtime_info']
    assert info['best_ckpt'] == str(tmp_path / 'best_split_mIoU_epoch_2.pth')
    assert info['best_score'] == 0.7


@pytest.mark.parametrize('write', range(8))
def test_killed_at_any_write_something_good_is_left(
    tmp_path, monkeypatch, write
):
    """Also with one checkpoint to keep and a new best one every epoch.

    Each of the two epochs writes: checkpoint, last_checkpoint, best
    checkpoint, checkpoint again (it now names the best one) and
    last_checkpoint again. The first two writes of the first epoch are left
    out.
    """
    _score_by_epoch(monkeypatch, 0.1, 0.2)
    count = iter(range(10))
    replace = os.replace

    def replace_or_die(*args):
        if next(count) == write + 2:
            raise _Killed
        replace(*args)

    monkeypatch.setattr(module.os, 'replace', replace_or_die)
    runner = build_runner(
        tmp_path,
        default_hooks=dict(checkpoint=dict(max_keep_ckpts=1)),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        custom_hooks=[],
    )
    with pytest.raises(_Killed):
        runner.train()
    last = (tmp_path / 'last_checkpoint').read_text()
    checkpoint = torch.load(last, weights_only=True)
    info = checkpoint['message_hub']['runtime_info']
    if 'best_ckpt' in info:
        torch.load(info['best_ckpt'], weights_only=True)
    else:
        assert checkpoint['resume_state']['validation_due']


def test_resumed_training_removes_what_is_outdated(tmp_path, monkeypatch):
    _score_by_epoch(monkeypatch, 0.1, 0.2, 0.3, 0.4)
    cfg = dict(by_epoch=True, max_epochs=2)
    build_runner(tmp_path, train_cfg=cfg).train()
    name = f'{tmp_path.name}_resumed'
    build_runner(tmp_path, experiment_name=name, resume=True).train()
    assert _names(tmp_path) == [
        'best_split_mIoU_epoch_4.pth',
        'epoch_3.pth',
        'epoch_4.pth',
    ]


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob('*epoch*')}


@pytest.fixture
def first_run(tmp_path, monkeypatch):
    """Two epochs; the next two, in another folder, score better."""
    _score_by_epoch(monkeypatch, 0.1, 0.2, 0.3, 0.4)
    folder = tmp_path / 'a'
    build_runner(folder, train_cfg=dict(by_epoch=True, max_epochs=2)).train()
    assert 'best_split_mIoU_epoch_2.pth' in _contents(folder)
    return folder


def _resume(folder, checkpoint):
    # without phase two, which would need the best checkpoint
    runner = build_runner(
        folder, resume=True, load_from=str(checkpoint), custom_hooks=[]
    )
    runner.train()
    return runner.message_hub.get_info('best_ckpt')


def test_resume_in_a_copy_leaves_the_original_alone(first_run, tmp_path):
    """Only the copy's own best checkpoint is replaced."""
    before, copy = _contents(first_run), tmp_path / 'b'
    shutil.copytree(first_run, copy)
    best = _resume(copy, copy / 'epoch_2.pth')
    assert _contents(first_run) == before
    assert best == str(copy / 'best_split_mIoU_epoch_4.pth')
    assert sorted(_contents(copy)) == [
        'best_split_mIoU_epoch_4.pth',
        'epoch_3.pth',
        'epoch_4.pth',
    ]


@pytest.mark.parametrize('best_is_there', [True, False])
def test_resume_from_another_folder_leaves_it_alone(
    first_run, tmp_path, best_is_there
):
    """Also if its best checkpoint was removed manually."""
    if not best_is_there:
        (first_run / 'best_split_mIoU_epoch_2.pth').unlink()
    before, other = _contents(first_run), tmp_path / 'b'
    best = _resume(other, first_run / 'epoch_2.pth')
    assert _contents(first_run) == before
    assert best == str(other / 'best_split_mIoU_epoch_4.pth')
    (log,) = other.glob('*/*.log')
    assert (
        f'The best checkpoint so far, {first_run}/best_split_mIoU_epoch_2.pth,'
        ' is in another folder. It stays there'
    ) in log.read_text()


def test_wrong_save_best_stops_before_training(tmp_path, monkeypatch):
    """If the metrics list their names; otherwise at the first validation."""
    text = (
        "save_best='split/F' is not a result of the validation, which "
        'computes split/mIoU; set default_hooks'
    )
    hooks = dict(checkpoint=dict(save_best='split/F'))
    runner = build_runner(tmp_path / 'a', default_hooks=hooks)
    with pytest.raises(ValueError, match=text):
        runner.train()
    assert runner.epoch == 1
    names = ['split/mIoU']
    monkeypatch.setattr(ToyMetric, 'metric_names', names, raising=False)
    runner = build_runner(tmp_path / 'b', default_hooks=hooks)
    with pytest.raises(ValueError, match=text):
        runner.train()
    assert runner.iter == 0


def test_more_than_one_best_is_refused():
    with pytest.raises(ValueError, match=r"one metric, got \['a', 'b'\]"):
        AtomicCheckpointHook(save_best=['a', 'b'])


@pytest.mark.parametrize('by_epoch', [True, False])
def test_iterations_with_a_hook_that_counts_epochs(tmp_path, by_epoch):
    """mmengine saves such a training only at its end, in silence."""
    runner = build_runner(
        tmp_path,
        custom_hooks=[],
        train_cfg=dict(by_epoch=False, max_iters=2, val_interval=2),
        default_hooks=dict(checkpoint=dict(by_epoch=by_epoch)),
        log_processor=dict(by_epoch=False),
    )
    runner.train()
    (log,) = tmp_path.glob('*/*.log')
    warned = 'Set default_hooks.checkpoint.by_epoch=False' in log.read_text()
    assert warned == by_epoch

"""What resume needs beyond weights, and where it refuses."""

import random

import numpy as np
import pytest
import torch
from mmavs.engine import (
    AtomicCheckpointHook,
    ResumeStateHook,
    get_random_state,
    set_random_state,
)
from mmavs.engine.hooks.resume_state_hook import set_epoch
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import get_priority
from support.toy_training import build_runner, toy_loader
from torch.utils.data import ConcatDataset, Subset, TensorDataset


def _draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_random_state_round_trip_through_a_file(tmp_path):
    """Also with numpy's and Python's second normal number in stock."""
    np.random.randn(), random.gauss(0, 1)
    torch.save(get_random_state(), tmp_path / 'state.pth')
    expected = _draw(), np.random.randn(), random.gauss(0, 1)
    _draw()
    set_random_state(torch.load(tmp_path / 'state.pth', weights_only=True))
    assert (_draw(), np.random.randn(), random.gauss(0, 1)) == expected


class _Draws(Hook):
    """Notes what would be drawn next, without drawing."""

    priority = 'LOWEST'

    def __init__(self):
        self.at_end, self.at_begin = [], []

    @staticmethod
    def _next():
        state = get_random_state()
        draws = _draw()
        set_random_state(state)
        return draws

    def after_train_epoch(self, runner):
        self.at_end.append(self._next())

    def before_train_epoch(self, runner):
        self.at_begin.append(self._next())


def test_validation_leaves_the_random_states_alone(tmp_path):
    """The toy's metric draws from all of them."""
    runner = build_runner(tmp_path)
    draws = _Draws()
    runner.register_hook(draws)
    runner.train()
    assert len(draws.at_end) == 4
    assert draws.at_begin[1:] == draws.at_end[:-1]


def test_dataset_learns_the_epoch(tmp_path):
    runner = build_runner(tmp_path)
    runner.train()
    assert runner.train_dataloader.dataset.epoch == 3


def test_epoch_reaches_wrapped_datasets():
    class _Clips(BaseDataset):
        epoch = 0

        def load_data_list(self):
            return [dict(path='a')]

    first, second = _Clips(), _Clips()
    wrapped = ConcatDataset([Subset(first, [0]), second])
    set_epoch(wrapped, 5)
    assert (first.epoch, second.epoch) == (5, 5)
    assert not hasattr(wrapped, 'epoch')


def test_epoch_is_not_put_where_none_is_known():
    dataset = TensorDataset()
    set_epoch(dataset, 5)
    assert not hasattr(dataset, 'epoch')


def _resume(folder, checkpoint, **changes):
    runner = build_runner(folder, **changes)
    runner._resume, runner._load_from = True, str(checkpoint)
    runner.train()


@pytest.fixture
def epoch_two(tmp_path):
    """Checkpoint of a training of two epochs with four iterations each."""
    cfg = dict(by_epoch=True, max_epochs=2)
    build_runner(tmp_path / 'first', train_cfg=cfg).train()
    return tmp_path / 'first' / 'epoch_2.pth'


def test_mid_epoch_checkpoint_is_refused(tmp_path, epoch_two):
    checkpoint = torch.load(epoch_two, weights_only=True)
    checkpoint['meta']['iter'] = 10
    torch.save(checkpoint, epoch_two)
    with pytest.raises(
        ValueError,
        match=r'middle of an epoch \(epoch 2, iteration 10, 4 iterations',
    ):
        _resume(tmp_path / 'second', epoch_two)


def test_other_batch_size_is_refused(tmp_path, epoch_two):
    loader = toy_loader(batch_size=4)
    with pytest.raises(
        ValueError,
        match=r"'iters_per_epoch': 4}.*'iters_per_epoch': 2}.*load_from",
    ):
        _resume(tmp_path / 'second', epoch_two, train_dataloader=loader)


def test_other_number_of_processes_is_refused(tmp_path, epoch_two):
    checkpoint = torch.load(epoch_two, weights_only=True)
    checkpoint['resume_state']['processes'] = 2
    torch.save(checkpoint, epoch_two)
    with pytest.raises(ValueError, match=r"'processes': 2.*'processes': 1"):
        _resume(tmp_path / 'second', epoch_two)


def test_load_from_is_no_resume(tmp_path, epoch_two):
    """A new training from old weights has its own random states."""
    runner = build_runner(tmp_path / 'second', load_from=str(epoch_two))
    runner.train()
    assert runner.epoch == 4


def test_iteration_based_loop_is_refused(tmp_path):
    runner = build_runner(
        tmp_path,
        train_cfg=dict(by_epoch=False, max_iters=2),
        custom_hooks=[],
    )
    with pytest.raises(ValueError, match='got IterBasedTrainLoop; set by_ep'):
        runner.train()


def test_hook_runs_before_checkpoints_are_saved():
    order = [
        get_priority(hook.priority)
        for hook in (ResumeStateHook, AtomicCheckpointHook)
    ]
    assert order[0] < order[1]

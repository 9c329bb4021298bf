"""The state that a resumed training needs besides the weights, and errors."""

import math
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
from mmavs.engine.resume_place import set_epoch
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import get_priority
from support.toy_training import build_runner, toy_loader, two_phase
from torch.utils.data import ConcatDataset, Subset, TensorDataset

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow


def _draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_random_state_round_trip_through_a_file(tmp_path):
    """Also with the second normal number that numpy and Python store."""
    np.random.randn(), random.gauss(0, 1)
    torch.save(get_random_state(), tmp_path / 'state.pth')
    expected = _draw(), np.random.randn(), random.gauss(0, 1)
    _draw()
    set_random_state(torch.load(tmp_path / 'state.pth', weights_only=True))
    assert (_draw(), np.random.randn(), random.gauss(0, 1)) == expected


class _Draws(Hook):
    """Records the next random numbers without drawing them."""

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
    """The metric of the toy model draws from all of them."""
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
    return runner


@pytest.fixture
def epoch_two(tmp_path):
    """Checkpoint of a training of two epochs with four iterations each."""
    cfg = dict(by_epoch=True, max_epochs=2)
    build_runner(tmp_path / 'first', train_cfg=cfg).train()
    return tmp_path / 'first' / 'epoch_2.pth'


def _weights(folder, name):
    checkpoint = torch.load(folder / name, weights_only=True)
    return torch.cat([v.flatten() for v in checkpoint['state_dict'].values()])


_EVERY_ITER = dict(checkpoint=dict(by_epoch=False, interval=1))
_KEEP_ALL = dict(
    checkpoint=dict(by_epoch=False, interval=1, max_keep_ckpts=-1)
)


@pytest.fixture(scope='module')
def every_iteration(tmp_path_factory):
    """An epoch-based training of 16 iterations, all of them saved."""
    folder = tmp_path_factory.mktemp('every_iteration')
    build_runner(folder, default_hooks=_KEEP_ALL).train()
    return folder


@pytest.mark.parametrize(
    'iteration',
    [
        6,  # in the middle of epoch 1
        8,  # its end: the validation and the switch to phase two follow
        9,  # in the epoch that began with the switch
        16,  # only the last validation is left
    ],
)
def test_resume_within_an_epoch_is_exact(every_iteration, tmp_path, iteration):
    checkpoint = every_iteration / f'iter_{iteration}.pth'
    _resume(tmp_path, checkpoint, default_hooks=_EVERY_ITER)
    names = [path.name for path in tmp_path.glob('best_*')]
    names += ['iter_16.pth'] if iteration < 16 else []
    for name in names:
        ours, theirs = (
            _weights(folder, name) for folder in (tmp_path, every_iteration)
        )
        assert ours.equal(theirs)
    (log,) = tmp_path.glob('*/*.log')
    assert 'WARNING - The resumed' not in log.read_text()
    assert 'Epoch(val) [4]' in log.read_text()


_ITERATIONS = dict(
    train_cfg=dict(by_epoch=False, max_iters=10, val_interval=4),
    custom_hooks=[],
)


@pytest.mark.parametrize('sampler', ['InfiniteSampler', 'DefaultSampler'])
def test_iteration_based_resume_is_exact(tmp_path, sampler, monkeypatch):
    """From within a pass over the data, and with a validation still due."""
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)
    loader = toy_loader(sampler=dict(type=sampler, shuffle=True))
    settings = dict(_ITERATIONS, train_dataloader=loader)
    alone = tmp_path / 'alone'
    build_runner(alone, default_hooks=_KEEP_ALL, **settings).train()
    for start in (3, 4):
        folder = tmp_path / str(start)
        checkpoint = alone / f'iter_{start}.pth'
        _resume(folder, checkpoint, default_hooks=_EVERY_ITER, **settings)
        ours, theirs = (_weights(f, 'iter_10.pth') for f in (folder, alone))
        assert ours.equal(theirs)


def test_iteration_based_training_counts_passes(tmp_path):
    """4 iterations of 2 clips are a pass over the 8: 10 end in pass 2."""
    loader = toy_loader(sampler=dict(type='InfiniteSampler', shuffle=True))
    settings = dict(_ITERATIONS, train_dataloader=loader)
    runner = build_runner(tmp_path, default_hooks=_EVERY_ITER, **settings)
    runner.train()
    assert runner.train_dataloader.dataset.epoch == 2


def _warnings(folder):
    (log,) = folder.glob('*/*.log')
    lines = log.read_text().splitlines()
    return [line for line in lines if 'WARNING - The resumed' in line]


def _stop_workers(runner):
    """The garbage collector would wait 5 seconds for each."""
    assert runner.train_loop.dataloader_iterator._iterator is not None
    runner.train_loop.dataloader_iterator._iterator = None


def test_workers_of_iteration_based_training_are_not_exact(tmp_path):
    sampler = dict(type='InfiniteSampler', shuffle=True)
    loader = toy_loader(sampler=sampler, num_workers=1)
    settings = dict(_ITERATIONS, train_dataloader=loader)
    alone = tmp_path / 'alone'
    runner = build_runner(alone, default_hooks=_KEEP_ALL, **settings)
    runner.train()
    _stop_workers(runner)
    folder = tmp_path / 'resumed'
    checkpoint = alone / 'iter_3.pth'
    _stop_workers(
        _resume(folder, checkpoint, default_hooks=_EVERY_ITER, **settings)
    )
    (warning,) = _warnings(folder)
    assert 'workers load ahead' in warning


_SCHEDULE = dict(
    type='CosineAnnealingLR', T_max=4, eta_min=0.0, convert_to_iter_based=True
)


def test_other_batch_size_goes_on_with_a_warning(tmp_path):
    """Epoch 2 begins at iteration 4 of 2 an epoch, half-way as before.

    The cosine over 16 iterations is at 8, its half, 0.01 * 0.5; stretched to
    8, it is at 4.
    """
    changes = dict(param_scheduler=[_SCHEDULE], custom_hooks=[])
    folder, keep_all = tmp_path / 'a', dict(max_keep_ckpts=-1)
    build_runner(
        folder, default_hooks=dict(checkpoint=keep_all), **changes
    ).train()
    runner = build_runner(
        tmp_path / 'b', train_dataloader=toy_loader(batch_size=4), **changes
    )
    runner._resume, runner._load_from = True, str(folder / 'epoch_2.pth')
    runner.train()
    assert (runner.epoch, runner.iter) == (4, 8)
    (scheduler,) = runner.param_schedulers
    # mmengine makes no step after the last iteration
    assert (scheduler.T_max, scheduler.last_step) == (8, 7)
    rate = 0.01 * (1 + math.cos(math.pi * 7 / 8)) / 2
    assert runner.optim_wrapper.get_lr()['lr'][0] == pytest.approx(rate)
    (warning,) = _warnings(tmp_path / 'b')
    assert (
        'not bit-identical to an uninterrupted one, because batch_size 2 -> 4,'
        ' iters_per_epoch 4 -> 2. It goes on (epoch 2, iteration 8 -> 4). The '
        'learning rate is not rescaled: it is that of the checkpoint (0.005)'
    ) in warning


def test_other_batch_size_within_an_epoch(every_iteration, tmp_path):
    """6 of 4 an epoch is half of epoch 1: 3 of 2, then 5 to the end."""
    loader, seen = toy_loader(batch_size=4), []
    runner = build_runner(
        tmp_path,
        train_dataloader=loader,
        default_hooks=_EVERY_ITER,
        custom_hooks=[],
    )
    runner._resume = True
    runner._load_from = str(every_iteration / 'iter_6.pth')
    runner.register_hook(_Note(seen))
    runner.train()
    assert seen == [(1, 3), (2, 4), (2, 5), (3, 6), (3, 7)]


class _Note(Hook):
    """Records epoch and iteration of every iteration."""

    def __init__(self, seen):
        self.seen = seen

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.seen.append((runner.epoch, runner.iter))


def test_other_number_of_processes_and_clips_are_named(tmp_path, epoch_two):
    """With an older checkpoint, which does not store the batch size."""
    checkpoint = torch.load(epoch_two, weights_only=True)
    state = checkpoint['resume_state']
    state['processes'], state['num_clips'] = 2, 9
    state['random_states'] *= 2
    del state['batch_size']
    torch.save(checkpoint, epoch_two)
    _resume(tmp_path / 'second', epoch_two)
    (warning,) = _warnings(tmp_path / 'second')
    assert 'because processes 2 -> 1, num_clips 9 -> 8. It' in warning


def test_more_processes_than_random_states(tmp_path, epoch_two, monkeypatch):
    module = 'mmavs.engine.hooks.resume_state_hook'
    monkeypatch.setattr(f'{module}.get_rank', lambda: 3)
    _resume(tmp_path / 'second', epoch_two)


def test_place_outside_of_the_epoch_is_its_beginning(tmp_path, epoch_two):
    checkpoint = torch.load(epoch_two, weights_only=True)
    checkpoint['meta']['iter'] = 3
    torch.save(checkpoint, epoch_two)
    _resume(tmp_path / 'second', epoch_two)
    (log,) = (tmp_path / 'second').glob('*/*.log')
    assert 'Iteration 3 of the checkpoint is not in its epoch' in (
        log.read_text()
    )


@pytest.mark.parametrize(
    ('change', 'missing'),
    [
        (lambda file: file.pop('meta'), 'meta.epoch, meta.iter'),
        (lambda file: file['meta'].pop('epoch'), 'meta.epoch'),
        (lambda file: file.pop('message_hub'), 'message_hub'),
    ],
)
def test_file_that_is_no_training_checkpoint(
    tmp_path, epoch_two, change, missing
):
    checkpoint = torch.load(epoch_two, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, epoch_two)
    with pytest.raises(
        ValueError,
        match=rf'epoch_2\.pth: expected .* without {missing}\. Res',
    ):
        _resume(tmp_path / 'second', epoch_two)


@pytest.mark.parametrize(
    'hook',
    [
        dict(type='FreezeUntilHook', parameters=['backbone'], epoch=2),
        two_phase(switch_epoch=2, phase2_lr=0.001),
    ],
)
def test_hooks_that_count_epochs_refuse_iterations(tmp_path, hook):
    settings = dict(_ITERATIONS, custom_hooks=[hook])
    runner = build_runner(tmp_path, **settings)
    with pytest.raises(ValueError, match='needs an EpochBasedTrainLoop, got'):
        runner.train()


def test_load_from_is_no_resume(tmp_path, epoch_two):
    """A new training from old weights starts with its own random states."""
    runner = build_runner(tmp_path / 'second', load_from=str(epoch_two))
    runner.train()
    assert runner.epoch == 4


def test_hook_runs_before_checkpoints_are_saved():
    order = [
        get_priority(hook.priority)
        for hook in (ResumeStateHook, AtomicCheckpointHook)
    ]
    assert order[0] < order[1]

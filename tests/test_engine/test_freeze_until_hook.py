"""Parameters that are frozen until an epoch."""

import pytest
import torch
from mmavs.engine import FreezeUntilHook
from mmengine.hooks import Hook
from support.toy_training import build_runner

_HOOK = dict(
    type='FreezeUntilHook', parameters=[r'^backbone\.linear'], epoch=2
)
_FROZEN = {'backbone.linear.weight', 'backbone.linear.bias'}


class _Watch(Hook):
    """Records which parameters are trained in each epoch, and their values."""

    priority = 'LOWEST'

    def __init__(self):
        self.trained, self.end, self.modes = [], [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == 0:
            self.modes.append(runner.model.backbone.training)
            self.trained.append(
                {n for n, p in _named(runner) if p.requires_grad}
            )

    def after_train_epoch(self, runner):
        self.end.append({n: p.detach().clone() for n, p in _named(runner)})


def _named(runner):
    return list(runner.model.named_parameters())


def _train(folder, hook=_HOOK, resume=None, **changes):
    runner = build_runner(folder, custom_hooks=[hook], **changes)
    watch = _Watch()
    runner.register_hook(watch)
    watch.begin = {n: p.detach().clone() for n, p in _named(runner)}
    if resume is not None:
        runner._resume, runner._load_from = True, str(resume)
    runner.train()
    return runner, watch


def test_frozen_until_the_epoch_and_trained_from_it_on(tmp_path):
    """Four epochs: 0 and 1 frozen, 2 and 3 not; the others always train."""
    runner, watch = _train(tmp_path)
    names = {name for name, _ in _named(runner)}
    expected = [names - _FROZEN] * 2 + [names] * 2
    assert watch.trained == expected
    for name in names:
        stays = watch.end[1][name].equal(watch.begin[name])
        assert stays == (name in _FROZEN), name
    for name in _FROZEN:
        assert not watch.end[2][name].equal(watch.end[1][name]), name
    # Only requires_grad: norms and stochastic depth stay in training mode.
    assert watch.modes == [True] * 4


@pytest.mark.parametrize('epoch', [1, 2, 3])
def test_resume_before_at_and_behind_the_epoch(tmp_path, epoch):
    keep_all = dict(default_hooks=dict(checkpoint=dict(max_keep_ckpts=-1)))
    _, alone = _train(tmp_path / 'alone', **keep_all)
    _, resumed = _train(
        tmp_path / 'resumed',
        resume=tmp_path / f'alone/epoch_{epoch}.pth',
        **keep_all,
    )
    assert resumed.trained == alone.trained[epoch:]
    for name, value in alone.end[-1].items():
        assert resumed.end[-1][name].equal(value), name


def test_what_the_model_froze_itself_stays_frozen(tmp_path):
    runner = build_runner(
        tmp_path, custom_hooks=[dict(_HOOK, parameters=[r'^backbone\.'])]
    )
    own = [p for n, p in _named(runner) if n.startswith('backbone.adapter')]
    for parameter in own:
        parameter.requires_grad = False
    runner.train()
    assert own
    assert not any(parameter.requires_grad for parameter in own)
    assert runner.model.backbone.linear.weight.requires_grad


def test_distributed_wrapper_is_made_anew_at_both_changes(tmp_path):
    """Otherwise it would expect the wrong set of gradients."""
    from mmengine.model import MMDistributedDataParallel

    runner = build_runner(tmp_path, custom_hooks=[_HOOK])
    seen = []

    class Wrapper(MMDistributedDataParallel):
        def __init__(self, module):
            torch.nn.Module.__init__(self)
            self.module = module
            seen.append(
                {n for n, p in module.named_parameters() if p.requires_grad}
            )

    names = {name for name, _ in _named(runner)}
    runner.model = Wrapper(runner.model)
    runner.wrap_model = lambda cfg, model: Wrapper(model)
    hook = FreezeUntilHook(parameters=[r'^backbone\.linear'], epoch=2)
    hook.before_train(runner)
    hook.before_train_epoch(runner)  # epoch 0: nothing to do
    assert seen == [names, names - _FROZEN]
    runner.train_loop._epoch = 2
    hook.before_train_epoch(runner)
    assert seen == [names, names - _FROZEN, names]
    assert type(runner.model) is Wrapper


def test_names_that_match_nothing(tmp_path):
    hook = dict(_HOOK, parameters=[r'^backbone\.', 'bakcbone'])
    with pytest.raises(ValueError, match="'bakcbone' matches no parameter of"):
        _train(tmp_path, hook)


def test_options():
    with pytest.raises(ValueError, match='epoch must be at least 1, got 0'):
        FreezeUntilHook(parameters=['a'], epoch=0)
    with pytest.raises(ValueError, match='a list of regular expressions'):
        FreezeUntilHook(parameters='backbone', epoch=1)

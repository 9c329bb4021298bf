"""The two phases of AAVS, and the weights that phase two starts from."""

import pytest
import torch
from mmavs.engine import TwoPhaseTuningHook
from mmengine.hooks import Hook
from support.toy_training import build_runner, two_phase


class _Watch(Hook):
    """Records the model at the start and the end of every epoch.

    It has the lowest priority, so it runs after all other hooks.
    """

    priority = 'LOWEST'

    def __init__(self):
        self.begin, self.end, self.num_states = [], [], []

    def before_train_epoch(self, runner):
        self.begin.append(_state(runner))
        self.num_states.append(len(runner.optim_wrapper.optimizer.state))

    def after_train_epoch(self, runner):
        self.end.append(_state(runner))


def _state(runner):
    return {
        name: (parameter.detach().clone(), parameter.requires_grad)
        for name, parameter in runner.model.named_parameters()
    }


def _trainable(state):
    return sum(value.numel() for value, trains in state.values() if trains)


def _changed(before, after):
    return {
        name
        for name, (value, _) in after.items()
        if not value.equal(before[name][0])
    }


def _train(folder, hooks, resume=None, **changes):
    runner = build_runner(folder, custom_hooks=hooks, **changes)
    watch = _Watch()
    runner.register_hook(watch)
    if resume is not None:
        runner._resume, runner._load_from = True, str(resume)
    runner.train()
    return runner, watch


_PHASES = dict(switch_epoch=2, phase2_lr=0.001)
_ADAPTERS = {
    f'backbone.adapter.{layer}.{kind}'
    for layer in (0, 2)
    for kind in ('weight', 'bias')
}


def test_phases_train_what_they_should(tmp_path):
    runner, watch = _train(tmp_path, [two_phase(**_PHASES)])
    # see ToyModel: 27 in phase one, 49 in phase two
    assert [_trainable(state) for state in watch.begin] == [27, 27, 49, 49]
    for epoch in (0, 1):
        for name in _ADAPTERS:
            assert not watch.end[epoch][name][0].any()
    changed = _changed(watch.begin[0], watch.end[1])
    assert changed == {
        'decode_head.adapter.0.weight',
        'decode_head.adapter.0.bias',
        'decode_head.adapter.2.weight',
        'decode_head.adapter.2.bias',
        'cls_embed.1.weight',
        'cls_embed.1.bias',
    }
    assert _changed(watch.begin[2], watch.end[3]) == changed | _ADAPTERS


def test_phase_two_begins_from_the_best_checkpoint(tmp_path):
    """Adapters are drawn from N(0, 0.02), and the optimizer is new."""
    runner, watch = _train(
        tmp_path,
        [two_phase(**_PHASES)],
        train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=1),
    )
    # the toy model scores best after its first epoch
    begin, first = watch.begin[2], watch.end[0]
    for name in set(begin) - _ADAPTERS:
        assert begin[name][0].equal(first[name][0])
    assert (
        begin['cls_embed.1.weight'][0]
        .ne(watch.end[1]['cls_embed.1.weight'][0])
        .any()
    )
    for name in _ADAPTERS:
        value = begin[name][0]
        assert value.any() == name.endswith('weight')
        assert value.abs().max() < 0.1  # five standard deviations
    assert watch.num_states[2] == 0 < watch.num_states[1]
    assert runner.optim_wrapper.get_lr()['lr'] == [0.001]


def test_without_a_best_checkpoint_phase_two_goes_on(tmp_path):
    _, watch = _train(
        tmp_path,
        [two_phase(**_PHASES)],
        val_dataloader=None,
        val_evaluator=None,
        val_cfg=None,
    )
    for name in set(watch.begin[2]) - _ADAPTERS:
        assert watch.begin[2][name][0].equal(watch.end[1][name][0])
    assert watch.begin[2]['backbone.adapter.0.weight'][0].any()


def test_frozen_backbone_stays_in_phase_one(tmp_path):
    _, watch = _train(tmp_path, [two_phase()])
    assert [_trainable(state) for state in watch.begin] == [27] * 4
    assert not watch.end[3]['backbone.adapter.2.weight'][0].any()


@pytest.mark.parametrize(
    ('epoch', 'trainable'), [(1, [27, 49, 49]), (2, [49, 49]), (3, [49])]
)
def test_resume_in_either_phase_and_at_the_switch(tmp_path, epoch, trainable):
    keep_all = dict(default_hooks=dict(checkpoint=dict(max_keep_ckpts=-1)))
    runner, alone = _train(
        tmp_path / 'alone', [two_phase(**_PHASES)], **keep_all
    )
    resumed, watch = _train(
        tmp_path / 'resumed',
        [two_phase(**_PHASES)],
        resume=tmp_path / f'alone/epoch_{epoch}.pth',
        **keep_all,
    )
    assert [_trainable(state) for state in watch.begin] == trainable
    assert resumed.optim_wrapper.get_lr()['lr'] == [0.001]
    assert not _changed(alone.end[-1], watch.end[-1])


def test_resume_without_the_best_checkpoint_stops_at_once(tmp_path):
    """Phase two could not begin, perhaps hours later."""
    keep_all = dict(default_hooks=dict(checkpoint=dict(max_keep_ckpts=-1)))
    first, other = tmp_path / 'first', tmp_path / 'other'
    _train(first, [two_phase(**_PHASES)], **keep_all)
    for best in first.glob('best_*.pth'):
        best.unlink()
    resume = first / 'epoch_1.pth'
    with pytest.raises(
        FileNotFoundError,
        match=rf'at {first}/best_split_mIoU_epoch_1.pth, from which phase two '
        rf'begins, found no file; .* or copy it into {other}$',
    ):
        _train(other, [two_phase(**_PHASES)], resume=resume, **keep_all)
    assert not list(other.glob('epoch_*.pth'))


def test_names_that_match_nothing(tmp_path):
    """A misspelt name would freeze parameters that should be trained."""
    hook = dict(two_phase(), trainable=['adapter', 'cls_embedd'])
    with pytest.raises(ValueError, match=r"\['cls_embedd'\] match no param"):
        _train(tmp_path / 'a', [hook])
    hook = dict(two_phase(), backbone_adapters='backbone.*adaptor')
    with pytest.raises(ValueError, match='adaptor.* matches no parameter'):
        _train(tmp_path / 'b', [hook])


def test_options_that_belong_together():
    with pytest.raises(ValueError, match='switch_epoch and phase2_lr'):
        TwoPhaseTuningHook(trainable=['a'], switch_epoch=2)
    with pytest.raises(ValueError, match='set backbone_adapters'):
        TwoPhaseTuningHook(trainable=['a'], switch_epoch=2, phase2_lr=0.1)


def test_adapters_are_redrawn_alike_whatever_was_drawn_before(tmp_path):
    """On all processes, and after a resume."""
    draws = []
    for index in range(2):
        runner, _ = _train(tmp_path / str(index), [two_phase()])
        torch.rand(index + 1)
        hook = TwoPhaseTuningHook(
            trainable=['cls'], backbone_adapters='backbone.*adapter'
        )
        hook._restart_adapters(runner)
        draws.append(_state(runner)['backbone.adapter.0.weight'][0])
    assert draws[0].equal(draws[1])
    assert draws[0].any()

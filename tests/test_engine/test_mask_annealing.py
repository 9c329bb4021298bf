"""Mask annealing and learning rates of EASE: the published numbers."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmavs.engine.hooks.mask_annealing_hook import annealed_share
from mmavs.engine.optim import TwoStageWarmupPolyLR
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmseg.registry import HOOKS
from torch import nn

#: Of the published AVSS training: 436 steps in 22 epochs, 12 blocks.
STEPS = 9592
START, END = (0.2, 0.35, 0.5, 0.65), (0.35, 0.5, 0.65, 0.8)


def _hook():
    return HOOKS.build(dict(type='MaskAnnealingHook', start=START, end=END))


def _runner(step=0, num_blocks=4, **head):
    if num_blocks:
        head['attn_mask_probs'] = torch.ones(num_blocks)
    model = SimpleNamespace(decode_head=SimpleNamespace(**head))
    return SimpleNamespace(model=model, iter=step, max_iters=STEPS)


#: Step -> shares, from the published rule.
SHARES = {
    0: (1, 1, 1, 1),
    1918: (1, 1, 1, 1),
    2638: (0.5356, 1, 1, 1),
    3356: (0.0014, 1, 1, 1),
    4500: (0, 0.2409, 1, 1),
    6000: (0, 0, 0.1951, 1),
    7000: (0, 0, 0, 0.5046),
    7673: (0, 0, 0, 0),
    9591: (0, 0, 0, 0),
}


@pytest.mark.parametrize('step', SHARES)
def test_shares_of_a_step(step):
    """Written after the step before, and again when a run is resumed."""
    for runner, method in (
        (_runner(step), 'before_train'),
        (_runner(step - 1), 'after_train_iter'),
    ):
        arguments = [] if method == 'before_train' else [0]
        getattr(_hook(), method)(runner, *arguments)
        shares = runner.model.decode_head.attn_mask_probs
        expected = torch.tensor(SHARES[step], dtype=torch.float32)
        torch.testing.assert_close(shares, expected, rtol=0, atol=6e-5)


def test_eleven_points_of_a_decay():
    expected = [(1 - i / 10) ** 0.9 for i in range(11)]
    assert [annealed_share(20 + i, 20, 30) for i in range(11)] == (
        pytest.approx(expected)
    )


@pytest.mark.parametrize('runner', [_runner(num_blocks=2), _runner(0, 0)])
def test_other_heads_are_refused(runner):
    with pytest.raises(ValueError, match='shares for 4 joint blocks'):
        _hook().before_train(runner)


@pytest.mark.parametrize(
    ('start', 'end'), [((0.5,), (0.4,)), ((0.1,), (0.2, 0.3)), ((-1,), (0,))]
)
def test_wrong_shares(start, end):
    with pytest.raises(ValueError, match='0 <= start <= end <= 1'):
        HOOKS.build(dict(type='MaskAnnealingHook', start=start, end=end))


class _Model(nn.Module):
    """The names that matter, one number each."""

    def __init__(self, settings=None):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.cls_token = nn.Parameter(torch.zeros(1))
        self.backbone.blocks = nn.ModuleList(nn.Linear(1, 1) for _ in range(8))
        if settings:
            self.backbone.settings = settings
        self.audio_backbone = nn.Linear(1, 1).requires_grad_(False)
        self.decode_head = nn.Module()
        self.decode_head.blocks = nn.ModuleList([nn.Linear(1, 1)])
        self.decode_head.norm = nn.LayerNorm(1)
        self.decode_head.class_head = nn.Linear(1, 1)


def _groups(model):
    config = dict(
        constructor='LateBackboneOptimWrapperConstructor',
        optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05),
        paramwise_cfg=dict(layer_decay=0.8, backbone_lr_mult=math.sqrt(2)),
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        wrapper = build_optim_wrapper(model, config)
    names = {id(p): name for name, p in model.named_parameters()}
    groups = {
        names[id(group['params'][0])]: group
        for group in wrapper.optimizer.param_groups
    }
    return wrapper, groups


#: Parameter -> rates at steps of a training of two GPUs, from the
#: published schedule on the published parameter groups.
RATES = {
    'backbone.cls_token': (0, 0, 1.2148e-5, 2.4296e-5, 1.3681e-5, 6.92e-9),
    'backbone.blocks.0.weight': (
        *(0, 0, 1.2148e-5, 2.4296e-5, 1.3681e-5, 6.92e-9),
    ),
    'backbone.blocks.7.bias': (
        *(0, 0, 5.7926e-5, 1.1585e-4, 6.5238e-5, 3.30e-8),
    ),
    'decode_head.blocks.0.weight': (*(0, 0, 1e-4, 2e-4, 1.1262e-4, 5.70e-8),),
    'decode_head.norm.bias': (0, 0, 1e-4, 2e-4, 1.1262e-4, 5.70e-8),
    'decode_head.class_head.weight': (
        *(1e-4, 2e-4, 1.9418e-4, 1.8834e-4, 1.0606e-4, 5.37e-8),
    ),
}
RATE_STEPS = (150, 300, 600, 900, 5000, 9591)


def test_rates_of_the_published_training():
    model = _Model(SimpleNamespace(num_layers=12))
    wrapper, groups = _groups(model)
    assert set(RATES) < set(groups)
    assert not any(name.startswith('audio_backbone') for name in groups)
    assert {group['weight_decay'] for group in groups.values()} == {0.05}
    scheduler = TwoStageWarmupPolyLR.build_iter_from_epoch(
        wrapper, warmup=(300, 600), begin=0, end=22, epoch_length=436
    )
    assert all(group['lr'] == 0 for group in groups.values())
    rates = {}
    for step in range(STEPS):
        if step in RATE_STEPS:
            rates[step] = {n: group['lr'] for n, group in groups.items()}
        wrapper.step()
        scheduler.step()
    assert list(rates) == list(RATE_STEPS)
    for name, expected in RATES.items():
        found = [rates[step][name] for step in RATE_STEPS]
        assert found == pytest.approx(expected, rel=1e-3), name


def test_other_backbones_have_one_rate():
    _, groups = _groups(_Model())
    rates = {
        group['lr']
        for name, group in groups.items()
        if name.startswith('backbone')
    }
    assert rates == {2e-4 * math.sqrt(2)}


def test_too_long_a_warmup():
    wrapper, _ = _groups(_Model())
    with pytest.raises(ValueError, match='shorter than the training of 900'):
        TwoStageWarmupPolyLR(wrapper, end=900, by_epoch=False)


def test_blocks_of_the_head_below_the_joint_ones():
    """They have the rate of a backbone block at their depth."""
    model = _Model(SimpleNamespace(num_layers=11))
    head = model.decode_head
    head.blocks = nn.ModuleList(nn.Linear(1, 1) for _ in range(3))
    head.first_joint = 2
    _, groups = _groups(model)
    base = 2e-4
    for name, factor in {
        'backbone.blocks.7.bias': math.sqrt(2) * 0.8**3,
        'decode_head.blocks.0.bias': math.sqrt(2) * 0.8**2,
        'decode_head.blocks.1.bias': math.sqrt(2) * 0.8,
        'decode_head.blocks.2.bias': 1,
        'decode_head.norm.bias': 1,
    }.items():
        assert groups[name]['lr'] == pytest.approx(base * factor)
        assert groups[name]['late']


def test_norm_of_another_backbone_has_its_rate():
    _, groups = _groups(_Model())
    rates = [
        groups[f'decode_head.{name}.bias']['lr']
        for name in ('norm', 'blocks.0', 'class_head')
    ]
    assert rates == [2e-4 * math.sqrt(2), 2e-4, 2e-4]

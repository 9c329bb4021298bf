"""Adapters and adapted projections."""

import pytest
import torch
from mmavs.models.layers import AdaptedLinear, Adapter, init_adapters
from torch import nn


def _fill(linear: nn.Linear, weight: list, bias: list) -> None:
    linear.weight.data = torch.tensor(weight)
    linear.bias.data = torch.tensor(bias)


def _worked_adapter(layer: AdaptedLinear) -> None:
    """Adapter of width 4 -> 1 -> 4 that doubles the sum of its input."""
    _fill(layer.adapter[0], [[1.0, 1.0, 1.0, 1.0]], [0.0])
    _fill(layer.adapter[2], [[2.0], [2.0], [2.0], [2.0]], [0.0] * 4)
    # The projection adds 1 to every channel.
    _fill(layer, torch.eye(4).tolist(), [1.0] * 4)


@pytest.mark.parametrize(
    ('mode', 'expected'),
    [
        # x = (1, 2, 3, 4), p(x) = (2, 3, 4, 5); sums 10 and 14, doubled
        ('replace', [20.0, 20.0, 20.0, 20.0]),
        ('append', [28.0, 28.0, 28.0, 28.0]),
        ('residual', [30.0, 31.0, 32.0, 33.0]),
    ],
)
def test_adapted_linear_by_hand(mode, expected):
    layer = AdaptedLinear(4, 4, mode=mode)
    _worked_adapter(layer)
    out = layer(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert out.tolist() == expected


def test_adapter_clips_the_negative_side():
    """ReLU: an input with a negative sum yields the bias only."""
    layer = AdaptedLinear(4, 4, mode='replace')
    _worked_adapter(layer)
    layer.adapter[2].bias.data.fill_(7.0)
    assert layer(-torch.ones(4)).tolist() == [7.0] * 4


def test_replaced_projection_keeps_its_names_and_takes_no_gradient():
    layer = AdaptedLinear(8, 8, mode='replace')
    assert {'weight', 'bias', 'adapter.0.weight'} <= set(layer.state_dict())
    layer(torch.randn(2, 8)).sum().backward()
    assert not layer.weight.requires_grad
    assert layer.adapter[2].weight.grad is not None


def test_zero_adapter_leaves_the_projection_unchanged():
    torch.manual_seed(0)
    layer = AdaptedLinear(8, 8, mode='residual')
    x = torch.randn(3, 8)
    for param in layer.adapter.parameters():
        nn.init.zeros_(param)
    expected = nn.functional.linear(x, layer.weight, layer.bias)
    assert torch.equal(layer(x), expected)


def test_init_follows_its_rule():
    """Normal: std 0.02. Xavier: within sqrt(6 / (256 + 64)) = 0.1369."""
    torch.manual_seed(0)
    normal = Adapter(256)[0].weight
    assert normal.std().item() == pytest.approx(0.02, rel=0.05)
    xavier = Adapter(256, init='xavier')[0].weight
    assert 0.13 < xavier.abs().max().item() <= 0.13694


def test_init_adapters_reaches_nested_ones_and_nothing_else():
    layer = AdaptedLinear(4, 4, mode='append')
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.adapter[0].weight)
    nn.init.ones_(layer.adapter[2].bias)
    init_adapters(nn.Sequential(nn.ModuleList([layer])))
    assert torch.equal(layer.weight, torch.ones(4, 4))
    assert not torch.equal(layer.adapter[0].weight, torch.ones(1, 4))
    assert torch.equal(layer.adapter[2].bias, torch.zeros(4))


def test_errors_name_what_came():
    with pytest.raises(ValueError, match=r"adapter mode .* got 'behind'"):
        AdaptedLinear(4, 4, mode='behind')
    with pytest.raises(ValueError, match=r'equal widths, got 4 -> 8'):
        AdaptedLinear(4, 8, mode='replace')

"""ReLU that keeps signs only."""

import pytest
import torch
from mmavs.models.layers import SignReLU, signs
from torch import nn


@pytest.mark.parametrize('inplace', [False, True])
def test_values_and_gradients_are_those_of_relu(inplace):
    torch.manual_seed(0)
    layer = nn.Linear(4, 8).requires_grad_(False)
    x = torch.randn(3, 5, 4, requires_grad=True)
    x.data[0] = 0  # with the bias at 0 the ReLU's input is 0, too
    layer.bias.zero_()
    weights = torch.randn(3, 5, 8)
    results = []
    for relu in (nn.ReLU(inplace), SignReLU(inplace)):
        out = relu(layer(x))
        (gradient,) = torch.autograd.grad((out * weights).sum(), x)
        results.append((out, gradient))
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


def test_one_bit_is_kept_for_each_value():
    kept = []
    x = torch.randn(3, 8, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.nbytes), lambda t: t
    ):
        SignReLU()(x)
    assert kept == [3]


def test_without_gradients_nothing_is_kept():
    x = torch.randn(3, 8)
    assert torch.equal(SignReLU()(x), x.relu())


def test_gradients_in_several_parts(monkeypatch):
    monkeypatch.setattr(signs, '_PART', 8)
    x = torch.arange(-10.0, 10).view(2, 10).requires_grad_()
    weights = torch.arange(20.0).view(10, 2).T  # not contiguous
    (SignReLU()(x) * weights).sum().backward()
    assert torch.equal(x.grad, weights * (x > 0))

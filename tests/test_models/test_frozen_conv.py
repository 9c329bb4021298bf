"""A frozen convolution that does not keep its input."""

import copy

import pytest
import torch
from mmavs.models.layers import FrozenConv2d
from torch import nn


def _kept(layer: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, bool]:
    """Return the output, and whether the input is kept for the gradient."""
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.data_ptr()) or t, lambda t: t
    ):
        out = layer(x)
    return out, x.data_ptr() in kept


@pytest.mark.parametrize('groups', [1, 2])
@pytest.mark.parametrize('bias', [True, False])
def test_output_and_gradient_are_those_of_torch(groups, bias):
    torch.manual_seed(0)
    plain = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=groups, bias=bias)
    plain.requires_grad_(False)
    ours = copy.deepcopy(plain)
    ours.__class__ = FrozenConv2d
    x = torch.randn(2, 4, 9, 8, requires_grad=True)
    results = []
    for layer, keeps in ((plain, True), (ours, False)):
        out, kept = _kept(layer, x)
        assert kept == keeps
        (gradient,) = torch.autograd.grad(out.square().sum(), x)
        results.append((out, gradient))
    for theirs, mine in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_trained_layer_keeps_its_input():
    x = torch.randn(1, 4, 5, 5, requires_grad=True)
    layer = FrozenConv2d(4, 2, 1)
    out, kept = _kept(layer, x)
    assert kept
    out.sum().backward()
    assert layer.weight.grad.shape == (2, 4, 1, 1)
    with torch.no_grad():
        assert not layer(x).requires_grad

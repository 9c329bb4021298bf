"""Linear layers on oneDNN, against PyTorch's."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmavs.models.layers import linear_gelu, use_onednn_linear, use_tiled_ffn
from mmavs.models.layers.onednn_linear import (
    LinearGELU,
    OneDNNLinear,
    linear,
    uses_onednn,
)
from mmcv.cnn.bricks.transformer import FFN
from mmcv.cnn.bricks.wrappers import Linear as MMCVLinear
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

has_onednn = pytest.mark.skipif(
    not uses_onednn(torch.ones(1, 1), torch.ones(1, 1)),
    reason='this PyTorch has no linear layers of oneDNN',
)


def _layer(kind: type[nn.Linear] = nn.Linear, **kwargs) -> nn.Linear:
    torch.manual_seed(0)
    return kind(24, 40, **kwargs)


@pytest.mark.parametrize('kind', [nn.Linear, MMCVLinear])
@pytest.mark.parametrize('bias', [True, False])
def test_outputs_are_those_of_torch(kind, bias):
    layer = _layer(kind, bias=bias)
    ours = copy.deepcopy(layer)
    assert use_onednn_linear(nn.Sequential(ours)) == 1
    # Not contiguous, as attention in windows passes it.
    x = torch.randn(3, 24, 7).transpose(1, 2)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), layer(x), rtol=0, atol=1e-6)
        expected = F.gelu(layer(x))
        torch.testing.assert_close(
            linear_gelu(ours, x), expected, rtol=0, atol=1e-6
        )
    assert ours.state_dict().keys() == layer.state_dict().keys()


@has_onednn
def test_only_float32_with_fixed_weights_is_changed():
    layer = _layer()
    use_onednn_linear(layer)
    x = torch.randn(2, 24)
    assert not uses_onednn(x, layer.weight)  # its weights take gradients
    with torch.no_grad():
        assert uses_onednn(x, layer.weight)
        assert not uses_onednn(x.bfloat16(), layer.weight)
        assert not uses_onednn(x[:0], layer.weight)
        with torch.autocast('cpu', torch.bfloat16):
            assert not uses_onednn(x, layer.weight)
            assert layer(x).dtype == torch.bfloat16
    layer.requires_grad_(False)
    assert uses_onednn(x.requires_grad_(), layer.weight)
    bias = torch.zeros(40, requires_grad=True)
    assert not uses_onednn(x, layer.weight, bias)


def test_gradients_are_those_of_torch():
    layer = _layer()
    ours = copy.deepcopy(layer)
    use_onednn_linear(ours)
    x = torch.randn(5, 24)
    for module in (layer, ours):
        module(x).square().sum().backward()
    assert torch.equal(layer.weight.grad, ours.weight.grad)


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('shape', [(5, 24), (2, 3, 24)])
def test_gradients_of_the_input_of_frozen_layers(bias, shape):
    layer = _layer(bias=bias).requires_grad_(False)
    use_onednn_linear(layer)
    x = torch.randn(shape, requires_grad=True)
    weights = torch.randn(*shape[:-1], 40)
    parameters = layer.weight, layer.bias
    calls = (
        # The next layer may change its input in place.
        lambda: F.linear(x, *parameters).relu_(),
        lambda: linear(x, *parameters).relu_(),
        lambda: F.gelu(F.linear(x, *parameters)),
        lambda: linear_gelu(layer, x),
    )
    relu, ours_relu, gelu, ours_gelu = (
        torch.autograd.grad((call() * weights).sum(), x)[0] for call in calls
    )
    torch.testing.assert_close(ours_relu, relu, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours_gelu, gelu, rtol=0, atol=1e-5)


@has_onednn
@torch.no_grad()
def test_flops_are_counted():
    layer = _layer()
    use_onednn_linear(layer)
    for call in (layer, lambda x: linear_gelu(layer, x)):
        with FlopCounterMode(display=False) as counter:
            call(torch.randn(2, 3, 24))
        assert counter.get_total_flops() == 2 * 6 * 24 * 40


@pytest.mark.parametrize('act', [dict(type='GELU'), dict(type='ReLU')])
@torch.no_grad()
def test_mlp_with_the_activation_fused(act):
    torch.manual_seed(0)
    ffn = FFN(8, 32, act_cfg=act).eval()
    ours = nn.Sequential(copy.deepcopy(ffn))
    use_onednn_linear(ours)
    assert use_tiled_ffn(ours) == 1
    assert isinstance(ours[0].layers[0], LinearGELU)
    assert isinstance(ours[0].layers[0][0], OneDNNLinear)
    x = torch.randn(2, 9, 8)
    torch.testing.assert_close(ours(x), ffn(x), rtol=0, atol=1e-6)

"""3x3 convolutions on NNPACK, against PyTorch's."""

import pytest
import torch
from mmavs.apis.flops import count_flops
from mmavs.models.layers import FrozenConv2d, nnpack_conv, use_nnpack_conv
from mmavs.models.layers.nnpack_conv import NNPACKConv2d, uses_nnpack
from mmcv.cnn.bricks.wrappers import Conv2d as MMCVConv2d
from torch import nn

#: Frames that are laid side by side, and one that is convolved alone.
SMALL, LARGE = (3, 8, 32, 35), (2, 8, 62, 70)
#: Of the largest output.
TOLERANCE = 1e-4


@pytest.fixture
def always(monkeypatch):
    """Use NNPACK for convolutions of any number of operations."""
    monkeypatch.setattr(nnpack_conv, '_MIN_FLOPS_PER_THREAD', 0)
    layer = _layer().requires_grad_(False)
    if not _uses(layer, torch.randn(SMALL)):
        pytest.skip('NNPACK does not support this CPU')


def _layer(**options) -> NNPACKConv2d:
    torch.manual_seed(0)
    options = dict(padding=1) | options
    return NNPACKConv2d(8, 6, options.pop('kernel_size', 3), **options)


def _uses(layer: NNPACKConv2d, x: torch.Tensor) -> bool:
    return uses_nnpack(x, layer.weight, layer.bias, layer.arguments)


def _assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    largest = expected.abs().max().item()
    torch.testing.assert_close(
        found, expected, rtol=0, atol=TOLERANCE * largest
    )


@pytest.mark.parametrize('shape', [SMALL, LARGE])
@pytest.mark.parametrize('bias', [True, False])
def test_outputs_are_those_of_torch(always, shape, bias):
    layer = _layer(bias=bias).requires_grad_(False)
    x = torch.randn(shape).to(memory_format=torch.channels_last)
    assert _uses(layer, x)
    out = layer(x)
    assert out.is_contiguous()
    _assert_close(out, nn.Conv2d.forward(layer, x))


@pytest.mark.parametrize('shape', [SMALL, LARGE])
def test_a_frame_does_not_depend_on_its_neighbours(always, shape):
    layer = _layer().requires_grad_(False)
    x = torch.randn(shape)
    others = x.clone()
    others[0] = float('nan')
    others[2:] *= 1e6
    before, after = layer(x), layer(others)
    assert after[0].isnan().all()
    assert torch.equal(before[1], after[1])


@pytest.mark.parametrize('shape', [SMALL, LARGE])
def test_gradient_of_the_input_of_frozen_layers(always, shape):
    layer = _layer().requires_grad_(False)
    x = torch.randn(shape, requires_grad=True)
    gradients = []
    for kind in (nn.Conv2d, FrozenConv2d):
        layer.__class__ = kind
        out = layer(x)
        (gradient,) = torch.autograd.grad(out.square().sum(), x)
        gradients.append(gradient)
    _assert_close(*reversed(gradients))


@pytest.mark.parametrize(
    'options',
    [
        dict(stride=2),
        dict(padding=2, dilation=2),
        dict(padding=0),
        dict(padding='same'),
        dict(kernel_size=1, padding=0),
        dict(kernel_size=5, padding=1),
        dict(groups=2),
        dict(padding_mode='reflect'),
    ],
)
def test_other_convolutions_are_those_of_torch(always, options):
    layer = _layer(**options).requires_grad_(False)
    x = torch.randn(SMALL)
    assert torch.equal(layer(x), nn.Conv2d.forward(layer, x))


def test_where_it_is_not_used(always):
    layer = _layer()
    x = torch.randn(SMALL)
    assert not _uses(layer, x)  # its weights take gradients
    layer(x).sum().backward()
    assert layer.weight.grad is not None
    with torch.no_grad():
        assert _uses(layer, x)
        assert not _uses(layer, x.double())
        assert not _uses(layer, x[:1, ..., :20])  # 24 tiles
        assert not _uses(layer, torch.randn(99, 8, 7, 7))  # mostly padding
        with torch.autocast('cpu', torch.bfloat16):
            assert not _uses(layer, x)
        with torch.backends.nnpack.flags(enabled=False):
            assert not _uses(layer, x)
            assert torch.equal(layer(x), nn.Conv2d.forward(layer, x))


def test_its_number_of_threads_is_that_of_the_first_call(always):
    layer = _layer().requires_grad_(False)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        assert not _uses(layer, torch.randn(SMALL))
    finally:
        torch.set_num_threads(threads)
    assert _uses(layer, torch.randn(SMALL))


def test_small_convolutions_are_those_of_torch():
    """As in the tiny networks, whose results therefore do not change."""
    with torch.no_grad():
        assert not _uses(_layer(), torch.randn(SMALL))


def test_operations_are_counted_as_without(always):
    layer = _layer().eval().requires_grad_(False)
    x = torch.randn(SMALL)
    counts = count_flops(lambda: layer(x))
    assert counts['Global'] == 2 * 9 * 8 * 6 * (3 * 32 * 35)


def test_layers_of_libraries_are_changed():
    layers = nn.Sequential(nn.Conv2d(2, 2, 3), MMCVConv2d(2, 2, 3))
    names = layers.state_dict().keys()
    assert use_nnpack_conv(layers) == 2
    assert {type(layer) for layer in layers} == {NNPACKConv2d}
    assert layers.state_dict().keys() == names

"""The convolution of the tests in float64 is that of PyTorch."""

import pytest
import torch
import torch.nn.functional as F
from support.quick_convolution import conv2d


@pytest.mark.parametrize(
    ('channels', 'groups', 'options'),
    [
        ((4, 6), 1, {}),
        ((4, 6), 1, dict(stride=2, padding=1, dilation=2)),
        ((4, 6), 1, dict(stride=(2, 1), padding=(0, 2))),
        ((4, 6), 2, dict(padding=1)),
        ((4, 6), 1, dict(padding='valid')),
        ((6, 6), 6, dict(padding=1)),
        ((6, 6), 6, dict(stride=(1, 2), padding=(2, 0), dilation=(2, 1))),
    ],
)
@pytest.mark.parametrize('size', [(7, 6), (12, 11)])
def test_outputs_and_gradients_are_those_of_pytorch(
    channels, groups, options, size
):
    torch.manual_seed(0)
    x = torch.randn(2, channels[0], *size).double().requires_grad_()
    shape = (channels[1], channels[0] // groups, 3, 2)
    weight = torch.randn(shape).double().requires_grad_()
    bias = torch.randn(channels[1]).double().requires_grad_()
    arguments = (x, weight, bias)
    ours, expected = (
        function(*arguments, groups=groups, **options)
        for function in (conv2d, F.conv2d)
    )
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    direction = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(ours, arguments, direction),
        torch.autograd.grad(expected, arguments, direction),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)

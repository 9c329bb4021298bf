"""EnlargedConv2d equals a convolution of the upsampled map."""

import pytest
import torch
import torch.nn.functional as F
from mmavs.models.layers import EnlargedConv2d


@pytest.mark.parametrize(
    ('scale', 'kernel_size', 'size'),
    [(4, 3, (5, 8)), (2, 3, (7, 3)), (3, 5, (4, 4)), (4, 1, (2, 3))],
)
def test_is_a_convolution_of_the_enlarged_map(scale, kernel_size, size):
    """Borders included, and its gradients too."""
    torch.manual_seed(0)
    conv = EnlargedConv2d(6, 4, kernel_size, scale_factor=scale).double()
    x = torch.randn(2, 6, *size, dtype=torch.double, requires_grad=True)
    large = F.interpolate(
        x, scale_factor=scale, mode='bilinear', align_corners=False
    )
    expected = F.conv2d(
        large, conv.weight, conv.bias, padding=kernel_size // 2
    )
    found = conv(x)
    assert found.shape == (2, 4, scale * size[0], scale * size[1])
    assert torch.allclose(found, expected, atol=1e-12)
    inputs = (x, conv.weight, conv.bias)
    seed = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(found, inputs, seed),
        torch.autograd.grad(expected, inputs, seed),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=1e-10)


def test_names_are_those_of_a_convolution():
    conv = EnlargedConv2d(6, 4, 3, scale_factor=4)
    plain = torch.nn.Conv2d(6, 4, 3)
    shapes = {k: v.shape for k, v in conv.state_dict().items()}
    assert shapes == {k: v.shape for k, v in plain.state_dict().items()}

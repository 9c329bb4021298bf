"""TPAVI's neck and fusion decoder."""

import pytest
import torch
from mmavs.models.tpavi import TPAVIFusionDecoder, TPAVINeck
from mmavs.models.tpavi.fusion_decoder import ResidualUnit
from torch import nn


def without_convolutions(module: nn.Module) -> nn.Module:
    """Set all weights to zero, so that only the skip connections remain."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def same(x: torch.Tensor) -> torch.Tensor:
    return x


def test_the_skip_is_rectified_and_the_input_stays():
    unit = without_convolutions(ResidualUnit(1))
    x = torch.tensor([-2.0, 3.0]).view(1, 1, 1, 2)
    assert unit(x).flatten().tolist() == [0, 3]
    assert x.flatten().tolist() == [-2, 3]


def test_residual_unit_by_hand():
    """Kernels that are 1 in the middle: relu(x) + relu(relu(x) - 1) * 2.

    x = -2: 0 + 2 * relu(-1) = 0. x = 3: 3 + 2 * 2 = 7.
    """
    unit = without_convolutions(ResidualUnit(1))
    unit.conv1.weight.data[..., 1, 1] = 1
    unit.conv1.bias.data[:] = -1
    unit.conv2.weight.data[..., 1, 1] = 2
    x = torch.tensor([-2.0, 3.0]).view(1, 1, 1, 2)
    assert unit(x).flatten().tolist() == [0, 7]


def test_skips_add_up_from_coarse_to_fine():
    """Constants 0.5, -5, 2, 1, fine to coarse: 1 + 2 + 0 + 0.5 = 3.5."""
    decoder = without_convolutions(TPAVIFusionDecoder(1))
    maps = [
        torch.full((1, 1, size, size), value)
        for size, value in ((16, 0.5), (8, -5.0), (4, 2.0), (2, 1.0))
    ]
    out = decoder(maps, same)
    assert out.shape == (1, 1, 32, 32)
    torch.testing.assert_close(out, torch.full_like(out, 3.5))


def test_enlarging_keeps_corners():
    """align_corners: (0, 3) on two pixels becomes 0, 1, 2, 3 on four."""
    decoder = without_convolutions(TPAVIFusionDecoder(1, num_stages=1))
    out = decoder([torch.tensor([0.0, 3.0]).view(1, 1, 1, 2)], same)
    assert out.shape == (1, 1, 2, 4)
    torch.testing.assert_close(out[0, 0, 0], torch.tensor([0.0, 1, 2, 3]))


def test_padding_is_zeroed_after_every_block():
    decoder = TPAVIFusionDecoder(1)
    calls = []

    def zero_padding(x):
        calls.append(tuple(x.shape[-2:]))
        return x * 0

    sizes = (16, 8, 4, 2)
    maps = [torch.randn(2, 1, size, size) for size in sizes]
    assert decoder(maps, zero_padding).abs().max() == 0
    assert calls == [(4, 4), (8, 8), (16, 16), (32, 32)]


def test_sizes_need_not_be_multiples_of_32():
    """100 pixels give maps of 25, 13, 7 and 4."""
    maps = [torch.randn(1, 1, size, size) for size in (25, 13, 7, 4)]
    assert TPAVIFusionDecoder(1)(maps, same).shape == (1, 1, 50, 50)


def test_the_coarsest_block_has_no_unused_weights():
    """The published one has res_unit1, which gets no gradient under DDP."""
    names = {n.rsplit('.', 2)[0] for n in TPAVIFusionDecoder(1).state_dict()}
    units = [f'fusions.{i}.res_unit{k}' for i in range(4) for k in (1, 2)]
    assert names == set(units) - {'fusions.3.res_unit1'}


def test_neck_by_hand():
    """A pixel in the middle of 5x5 ones, kernels of ones, dilation 1 and 2.

    Both kernels fit: 9 + 9. In a corner 4 of the 9 taps of dilation 1 fall on
    the map, and as many of dilation 2: 4 + 4. A bias of 0.5 each makes 1.
    """
    neck = TPAVINeck([1], out_channels=1, dilations=(1, 2))
    for conv in neck.aspp[0].convs:
        nn.init.ones_(conv.weight)
        nn.init.constant_(conv.bias, 0.5)
    (out,) = neck([torch.ones(1, 1, 5, 5)])
    assert out.shape == (1, 1, 5, 5)
    assert out[0, 0, 2, 2].item() == 19
    assert out[0, 0, 0, 0].item() == 9


def test_neck_is_drawn_small():
    torch.manual_seed(0)
    neck = TPAVINeck([64], out_channels=64)
    neck.init_weights()
    weights = torch.cat([c.weight.flatten() for c in neck.aspp[0].convs])
    assert weights.std().item() == pytest.approx(0.01, rel=0.02)


def test_neck_wants_a_map_for_each_stage():
    neck = TPAVINeck([1, 2], out_channels=1)
    with pytest.raises(ValueError, match=r'2 stages.*gave 1.*out_indices'):
        neck([torch.ones(1, 1, 2, 2)])

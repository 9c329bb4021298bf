"""Window attention on the fused kernel, against mmdet's."""

import copy

import pytest
import torch
from mmavs.models.layers import use_fused_window_attention
from mmavs.models.layers.window_attention import window_layout
from mmdet.models.backbones.swin import ShiftWindowMSA
from torch import nn

CPU = torch.device('cpu')


@pytest.mark.parametrize('shift', [0, 1])
@pytest.mark.parametrize('size', [(4, 6), (5, 3)], ids=['exact', 'padded'])
def test_outputs_gradients_and_names_are_those_of_mmdet(shift, size):
    torch.manual_seed(0)
    theirs = ShiftWindowMSA(8, 2, window_size=2, shift_size=shift).double()
    nn.init.normal_(theirs.w_msa.relative_position_bias_table)
    ours = nn.ModuleList([copy.deepcopy(theirs)])
    assert use_fused_window_attention(ours) == 1
    assert ours[0].state_dict().keys() == theirs.state_dict().keys()
    x = torch.randn(3, size[0] * size[1], 8, dtype=torch.float64)
    pairs = []
    for layer in (ours[0], theirs):
        query = x.clone().requires_grad_()
        out = layer(query, size)
        weights = dict(layer.named_parameters())
        grads = torch.autograd.grad(
            out.sin().sum(), [query, *weights.values()]
        )
        pairs.append((out, *grads))
    for mine, other in zip(*pairs, strict=True):
        torch.testing.assert_close(mine, other)


def test_layout_of_a_small_map():
    """A map of 2x3 is padded to 2x4 and rolled by one row and column."""
    # Rows:        0 1 2 p   rolled up and left:  4 5 p 3
    # (p padding)  3 4 5 p                        1 2 p 0
    layout = window_layout(2, 3, 2, 1, CPU)
    assert layout.rows.tolist() == [4, 5, 1, 2, 6, 3, 6, 0]
    assert layout.places.tolist() == [7, 2, 3, 5, 0, 1]
    first, last = layout.blocked
    # The roll moved the row (1, 2) below (4, 5).
    assert first[0].tolist() == [0, 0, -100, -100]
    # It also moved the column (3, 0) to the right of the padding.
    assert last[0].tolist() == [0, -100, -100, -100]


def test_layout_made_in_inference_mode_serves_training():
    layer = ShiftWindowMSA(4, 1, window_size=2, shift_size=1)
    use_fused_window_attention(layer)
    x = torch.randn(1, 6 * 8, 4)
    with torch.inference_mode():
        layer(x, (6, 8))
    layer(x, (6, 8)).sum().backward()
    assert layer.w_msa.qkv.weight.grad is not None

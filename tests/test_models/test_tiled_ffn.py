"""The MLP in tiles."""

import copy

import pytest
import torch
from mmavs.models.layers import (
    frozen_mlp,
    use_onednn_linear,
    use_tiled_ffn,
)
from mmavs.models.layers.onednn_linear import uses_onednn
from mmcv.cnn.bricks.transformer import FFN


def test_tiles_give_the_output_of_all_rows_together(monkeypatch):
    monkeypatch.setattr(frozen_mlp, '_ROWS', 3)
    torch.manual_seed(0)
    plain = FFN(4, 8, ffn_drop=0.0).double().eval()
    tiled = copy.deepcopy(plain)
    assert use_tiled_ffn(tiled) == 1
    x, other = torch.randn(2, 2, 10, 4, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(tiled(x), plain(x))
        torch.testing.assert_close(tiled(x, other), plain(x, other))


def test_with_gradients_there_are_no_tiles(monkeypatch):
    monkeypatch.setattr(frozen_mlp, '_ROWS', 3)
    layer = FFN(4, 8, ffn_drop=0.0).eval()
    use_tiled_ffn(layer)
    x = torch.randn(2, 10, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x).sum(), x)
    assert gradient.shape == x.shape


@pytest.mark.parametrize(
    ('ffn_drop', 'trained', 'calls'),
    [(0.0, False, 7), (0.0, True, 1), (0.5, False, 1)],
    ids=['frozen', 'trained', 'random'],
)
def test_tiles_in_training(monkeypatch, ffn_drop, trained, calls):
    """20 rows in tiles of 3, only if frozen and without dropout."""
    monkeypatch.setattr(frozen_mlp, '_ROWS', 3)
    layer = FFN(4, 8, ffn_drop=ffn_drop).train()
    use_tiled_ffn(layer)
    layer.requires_grad_(False)
    layer.layers[1].bias.requires_grad_(trained)
    ran = []
    layer.layers.register_forward_hook(lambda *args: ran.append(args))
    assert layer(torch.randn(2, 10, 4)).requires_grad == trained
    assert len(ran) == calls


@pytest.mark.skipif(
    not uses_onednn(torch.ones(1, 1), torch.ones(1, 1)),
    reason='this PyTorch has no linear layers of oneDNN',
)
def test_frozen_mlp_keeps_a_bit_for_each_hidden_value(monkeypatch):
    """20 rows in tiles of 3; the gradient of their input is PyTorch's."""
    monkeypatch.setattr(frozen_mlp, '_ROWS', 3)
    torch.manual_seed(0)
    plain = FFN(4, 8, ffn_drop=0.0).requires_grad_(False)
    tiled = copy.deepcopy(plain)
    use_onednn_linear(tiled)
    use_tiled_ffn(tiled)
    x = torch.randn(2, 10, 4, requires_grad=True)
    weights = torch.randn(2, 10, 4)
    gradients, kept = [], []
    for layer in (plain, tiled):
        kept.append(0)
        pointers = {p.data_ptr() for p in layer.parameters()}

        def count(
            tensor: torch.Tensor, pointers: set[int] = pointers
        ) -> torch.Tensor:
            if tensor.data_ptr() not in pointers:
                kept[-1] += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t):
            out = layer(x)
        gradients += torch.autograd.grad((out * weights).sum(), x)
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-6)
    # PyTorch keeps the output of the ReLU, 20 rows of 8 values of 4 bytes.
    assert kept == [640, 20]


@pytest.mark.parametrize('change', ['trained', 'dropout', 'double', 'gelu'])
def test_other_mlps_are_those_of_mmcv(monkeypatch, change):
    monkeypatch.setattr(frozen_mlp, '_ROWS', 3)
    layer = FFN(
        4,
        8,
        ffn_drop=0.5 if change == 'dropout' else 0.0,
        act_cfg=dict(type='GELU' if change == 'gelu' else 'ReLU'),
    ).requires_grad_(False)
    use_onednn_linear(layer)
    use_tiled_ffn(layer)
    layer.layers[1].bias.requires_grad_(change == 'trained')
    x = torch.randn(2, 10, 4, requires_grad=True)
    if change == 'double':
        layer.double()
        x = x.detach().double().requires_grad_()
    monkeypatch.setattr(frozen_mlp, '_FrozenMLP', None)
    assert layer(x).requires_grad
